"""What `help()` and notebooks show as the signature of a constructor whose keywords are a TypedDict."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import TypeVar

_Constructor = TypeVar("_Constructor", bound=Callable[..., None])


def with_inputs(inputs: type) -> Callable[[_Constructor], _Constructor]:
    """Show a constructor as taking each of `inputs`, a TypedDict, as a keyword of its own, in place of its `**`.

    Without this, whoever asks the running program sees only the `**`.
    """

    def decorated(constructor: _Constructor) -> _Constructor:
        own = inspect.signature(constructor)
        named = [it for it in own.parameters.values() if it.kind is not inspect.Parameter.VAR_KEYWORD]
        keywords = [_keyword(name, annotation) for name, annotation in inputs.__annotations__.items()]
        constructor.__signature__ = own.replace(parameters=[*named, *keywords])  # type: ignore[attr-defined]
        return constructor

    return decorated


def _keyword(name: str, annotation: object) -> inspect.Parameter:
    """The parameter for one input. One that is required has no default, and says so by that."""
    written = str(getattr(annotation, "__forward_arg__", annotation))
    required = re.fullmatch(r"Required\[(.*)\]", written)
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if required else None,
        annotation=required[1] if required else written,
    )

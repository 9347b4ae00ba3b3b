"""How an `ExtractedAudio` is registered: as Pulumi's SDK does it, at half the cost.

A program that declares a thousand audios runs the SDK's code a thousand times, at each preview too. Three things that
it does for every dynamic resource are done otherwise here:

- It pickles the provider for each resource. Ours is always the same reference to a class, and is pickled once.
- It puts the program's whole stack into the state of each resource: two dozen frames, most of them Python's and
  Pulumi's own with paths of this machine, which are half of what a resource weighs there. Ours has the frames of the
  user's program, with the line that declares the resource first.
- It makes an `Output` of each property, with half a dozen futures and tasks, whether it is read or not. Ours are made
  when they are first read, by the SDK's own function.

The last reaches past the SDK's public names, as `host` does: what it needs is looked for, and done without where it is
not as expected.
"""

from __future__ import annotations

import base64
import pickle
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any, ClassVar

from pulumi import CustomResource, Output, ResourceOptions
from pulumi.dynamic import Resource, ResourceProvider
from pulumi.runtime import resource as registering
from pulumi.runtime import rpc

from vod_provider.plugin.dynamic import PROVIDER_KEY

if TYPE_CHECKING:
    from _collections_abc import dict_keys

_PROTOCOL = 4
"""Of the pickle: the SDK's, so that what is in existing states stays the same."""
_INSIDE = 6
"""Frames from the constructor to where the SDK looks at the stack, both counted."""
_NOT_THE_PROGRAM = frozenset(["pulumi", "runpy", "asyncio", "concurrent", "threading"])

_limiting = threading.RLock()
"""Held while the stack looks shorter than it is, which it does for all threads."""


class Registered(Resource):
    """A dynamic resource with an importable class without state as its `provider`, and properties as its outputs."""

    _provider_reference: ClassVar[str]
    _output_names: ClassVar[tuple[str, ...]]
    _outputs: _Outputs

    def __init_subclass__(
        cls, provider: type[ResourceProvider] | None = None, outputs: tuple[str, ...] | None = None, **more: Any
    ) -> None:
        """`outputs` are the names of its outputs, where not all of its properties are some."""
        super().__init_subclass__(**more)
        if provider is not None:  # else it is a class that a user has derived from one of ours
            # The dynamic host makes an instance of the class, and keeps that.
            cls._provider_reference = base64.b64encode(pickle.dumps(provider(), protocol=_PROTOCOL)).decode()
            named = (name for name, it in vars(cls).items() if isinstance(it, property))
            cls._output_names = tuple(named) if outputs is None else outputs

    def _register(self, name: str, props: Mapping[str, Any], opts: ResourceOptions | None) -> None:
        """Take the place of `Resource.__init__`. To be called by the constructor itself, or a function beside it."""
        self.__dict__ = self._outputs = _Outputs(self, self._output_names)
        unread = {} if _LATER else dict.fromkeys(self._output_names)
        declared = {**unread, **props, PROVIDER_KEY: self._provider_reference}
        with _frames_of_the_program():
            # Not `Resource.__init__`: the SDK takes whoever calls the third constructor, from within, for the program.
            CustomResource.__init__(self, f"pulumi-python:{self._resource_type_name}", name, declared, opts)

    def _output(self, name: str) -> Output[Any]:
        return self._outputs.output(name)


class _Outputs(dict[str, Any]):
    """The attributes of one resource, whose outputs come into being when somebody asks for them."""

    def __init__(self, resource: Resource, names: tuple[str, ...]) -> None:
        super().__init__()
        self._resource, self._names = resource, names
        self._told: dict[str, tuple[Any, ...]] = {}
        self._asked: dict[str, Callable[..., None]] = {}

    def output(self, name: str) -> Output[Any]:
        """The output of that name."""
        if name not in self:
            resolve = _transfer_properties(self._resource, {name: None}, True)[name]  # puts the output here
            if name in self._told:
                resolve(*self._told.pop(name))
            else:
                self._asked[name] = resolve
        found: Output[Any] = self[name]
        return found

    def keys(self) -> dict_keys[str, Any]:
        """All names. Pulumi asks for them where a whole resource is exported."""
        for name in self._names:
            self.output(name)
        return super().keys()

    def resolvers(self) -> dict[str, Callable[..., None]]:
        """What the SDK calls with an output's value, and whether that is known and secret, when the engine answers."""
        return {name: partial(self._resolve, name) for name in self._names}

    def _resolve(self, name: str, *told: Any) -> None:
        if name in self._asked:
            self._asked.pop(name)(*told)
        else:
            self._told[name] = told


@contextmanager
def _frames_of_the_program() -> Iterator[None]:
    """Let the stack end where the user's program begins."""
    program: FrameType | None = sys._getframe(4)  # noqa: SLF001 - past contextlib, _register and the constructor
    frames = 0
    while program is not None and program.f_globals.get("__name__", "").partition(".")[0] not in _NOT_THE_PROGRAM:
        frames += 1
        program = program.f_back
    with _limiting:
        before = getattr(sys, "tracebacklimit", None)
        sys.tracebacklimit = _INSIDE + frames
        try:
            yield
        finally:
            if before is None:
                del sys.tracebacklimit
            else:
                sys.tracebacklimit = before


_transfer_properties = rpc.transfer_properties


def _transfer_and_more(res: Any, props: Mapping[str, Any], custom: Any) -> dict[str, Callable[..., None]]:
    """The SDK's function, which makes outputs and gives back what resolves them, with those that are not made yet."""
    resolvers = _transfer_properties(res, props, custom)
    return vars(res)["_outputs"].resolvers() | resolvers if isinstance(res, Registered) else resolvers


def _stand_before() -> bool:
    """Take the place of the SDK's function; False where the SDK does not look for it where we would stand."""
    callers = (registering.register_resource, registering.read_resource)
    if not all({"rpc", "transfer_properties"} <= set(caller.__code__.co_names) for caller in callers):
        return False
    rpc.transfer_properties = _transfer_and_more
    return True


_LATER = _stand_before()
"""Whether outputs are made when they are read."""

"""What can go wrong between the engine and this plugin, beside what VOD says.

PartialFailureError        the resource is there, but not as declared
VodError                   see `vod.errors`
├── RequestError           the engine asks for something that this plugin does not have
├── SavedStateError        the stack's saved state could not be read
│   └── EncryptedStateError  it has encrypted what is needed of it
└── ImportIdError          nothing can be imported by that id
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vod_provider.vod.errors import VodError


class PartialFailureError(Exception):
    """The resource is there, but not as declared: Pulumi is to keep `id` and `outs`, and to fail the step.

    Each reason is shown as a line of its own.
    """

    def __init__(self, reason: str, id_: str, outs: Mapping[str, Any], *more: str) -> None:
        super().__init__(reason)
        self.id, self.outs, self.reasons = id_, outs, (reason, *more)


class RequestError(VodError):
    """The engine asks for something that this plugin does not have."""


class SavedStateError(VodError):
    """The saved state could not be read."""


class EncryptedStateError(SavedStateError):
    """The saved state has audios, and which they are is encrypted."""


class ImportIdError(VodError):
    """An id that nothing can be imported by."""

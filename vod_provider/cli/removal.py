"""Deletes audios in tens and says of each what became of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from vod_provider.vod.assets import Outcome
from vod_provider.vod.client import IDS_PER_CALL, Client
from vod_provider.vod.deadline import Deadline
from vod_provider.vod.errors import (
    AnswerError,
    CredentialsError,
    DeadlineError,
    ForeignAnswerError,
    InternalError,
    NotFoundError,
    VodError,
)

CALL_S = 300.0
"""How long one call may take, waiting for the quota and retries included."""


@dataclass(frozen=True)
class Removed:
    """What became of one audio: `said` in words; `gone` if VOD has it no more."""

    audio_id: str
    gone: bool
    said: str


class Removal:
    """Deletes audios. `taken()` tells which of them are somebody's by now; it is asked before each call."""

    def __init__(self, client: Client, taken: Callable[[], Collection[str]], progress: Callable[[str], None]) -> None:
        self._client, self._taken, self._progress = client, taken, progress

    def remove(self, audio_ids: Sequence[str]) -> Iterator[Removed]:
        """Delete them; yields each as soon as its end is known."""
        for start in range(0, len(audio_ids), IDS_PER_CALL):
            taken = self._taken()
            batch = audio_ids[start : start + IDS_PER_CALL]
            self._progress(f"deleting {start + 1} to {start + len(batch)} of {len(audio_ids)}")
            yield from (Removed(one, False, "left: it is somebody's by now") for one in batch if one in taken)
            yield from self._delete([one for one in batch if one not in taken])

    def _delete(self, ids: Sequence[str]) -> Iterator[Removed]:
        if not ids:
            return
        try:
            deleted = self._client.delete(ids, Deadline(CALL_S))
        except NotFoundError as error:
            yield from self._one_by_one(ids, Removed(ids[0], True, "gone already"), error)
        except AnswerError as error:
            yield from self._one_by_one(ids, Removed(ids[0], False, str(error)), error)
        except VodError as error:
            yield from (Removed(one, False, _why(error)) for one in ids)
        else:
            yield from (Removed(one, True, "deleted") for one in ids if deleted[one])
            left = [one for one in ids if not deleted[one]]
            if len(ids) == 1:
                yield from self._refused(left)
            else:  # of several ids VOD may have read the first one only: see docs/cloud.md
                for one in left:
                    yield from self._delete([one])

    def _one_by_one(self, ids: Sequence[str], single: Removed, error: AnswerError) -> Iterator[Removed]:
        """One id that VOD refuses must not harm the others, unless it is not the id that it refuses."""
        if len(ids) == 1:
            yield single
        elif isinstance(error, CredentialsError | ForeignAnswerError | InternalError):
            yield from (Removed(one, False, str(error)) for one in ids)
        else:
            for one in ids:
                yield from self._delete([one])

    def _refused(self, ids: Sequence[str]) -> Iterator[Removed]:
        """VOD has answered FAILED and does not say why; the status does."""
        if not ids:
            return
        try:
            assets = self._client.show(ids, Deadline(CALL_S))
        except VodError as error:
            yield from (Removed(one, False, f"VOD reports FAILED; {_why(error)}") for one in ids)
            return
        for one in ids:
            asset = assets[one]
            if asset.outcome is Outcome.GONE:
                yield Removed(one, True, "gone already")
            else:
                yield Removed(one, False, f"VOD reports FAILED: its status is {asset.status}; try again later")


def _why(error: VodError) -> str:
    return f"VOD's quota gave no way for {CALL_S:g} s" if isinstance(error, DeadlineError) else str(error)

"""Assets as data, for programs: `get_media_asset` and `get_media_assets`.

They run where the program runs and ask VOD at once, at a preview too, with the stack's own configuration. What was
asked for once in a run is not asked for again. In tests with Pulumi's mocks, replace them as any other function of a
program: `monkeypatch.setattr("media.get_media_assets", lambda **_: [...])`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakKeyDictionary

import pulumi
from pulumi.runtime import settings as runtime

from vod_provider.config import settings
from vod_provider.vod.asset_query import LISTING, AssetQuery, one_asset
from vod_provider.vod.assets import MediaAsset
from vod_provider.vod.deadline import Deadline
from vod_provider.vod.errors import DeadlineError, VodError

if TYPE_CHECKING:
    from vod_provider.vod.client import Client

_connections: dict[Any, tuple[Client, str, float]] = {}
"""Client, endpoint, and the seconds that a call may take."""
_found: WeakKeyDictionary[object, dict[Any, Any]] = WeakKeyDictionary()


class _NoRun:
    """Stands for the run where the engine has started none: in a script."""


_no_run = _NoRun()


def get_media_asset(
    asset_id: str, *, region: str | None = None, project_id: str | None = None, account: str | None = None
) -> MediaAsset:
    """One asset by its media id.

    :param asset_id: Media id.
    :param region: Region of the asset; default is the stack's.
    :param project_id: Project of the asset; default is the stack's.
    :param account: Name of an account in `vod:accounts`; default is the stack's own.
    :raises pulumi.RunError: VOD does not have it, or cannot be asked.
    """
    _text("asset_id", asset_id)
    place = (region, project_id, account)
    key = (_configuration(), place, asset_id)
    known = _of_run()
    if key not in known:
        with _told():
            client, deadline = _connected(place, f"asking about asset {asset_id}")
            known[key] = one_asset(client, asset_id, deadline())
    asset: MediaAsset = known[key]
    return asset


def get_media_asset_output(
    asset_id: pulumi.Input[str], *, region: str | None = None, project_id: str | None = None, account: str | None = None
) -> pulumi.Output[MediaAsset]:
    """`get_media_asset` of an id that another resource's output tells, once that is known.

    Parameters and errors are those of `get_media_asset`.
    """
    return pulumi.Output.from_input(asset_id).apply(
        lambda known: get_media_asset(known, region=region, project_id=project_id, account=account)
    )


def get_media_assets(
    *,
    asset_ids: Iterable[str] | None = None,
    title: str | None = None,
    category_id: int | None = None,
    tags: Iterable[str] = (),
    status: Iterable[str] = (),
    kind: Literal["video", "audio"] | None = None,
    region: str | None = None,
    project_id: str | None = None,
    account: str | None = None,
) -> Iterable[MediaAsset]:
    """All assets that fit, a hundred in a call, each page when the loop gets there. At most 20,000 can be listed.

    :param asset_ids: Media ids, asked about ten in a call, in whatever state the assets are. One that VOD does not
        have is an error: whoever names it wants it.
    :param title: Title, exactly.
    :param category_id: Id of a category; -1 is the category 'Others'.
    :param tags: Tags, all of which an asset has to have.
    :param status: Statuses as VOD names them, for example CREATED and PUBLISHED; default is
        all whose files are there, those that are being transcoded included; with `asset_ids`, all.
    :param kind: Videos or audios only; told apart by their containers.
    :param region: Region of the assets; default is the stack's.
    :param project_id: Project of the assets; default is the stack's.
    :param account: Name of an account in `vod:accounts`; default is the stack's own.
    :raises pulumi.RunError: VOD cannot be asked, or has not one of `asset_ids`; raised where a page is asked for. Or
        an argument cannot be, which would find nothing.
    """
    named = None if asset_ids is None else tuple(dict.fromkeys(_texts("asset_ids", asset_ids)))
    if title is not None and not isinstance(title, str):
        raise TypeError(f"title is {_shown(title)}, and has to be a text")
    category = None if category_id is None else _number("category_id", category_id)
    with _told():
        query = AssetQuery(named, title, category, _texts("tags", tags), _texts("status", status), kind)
    place = (region, project_id, account)
    key = (_configuration(), place, query)
    known = _of_run()
    if key not in known:
        with _told():
            client, deadline = _connected(place, LISTING)
        known[key] = _Once(query.pages(client, deadline))
    assets: Iterable[MediaAsset] = known[key]
    return assets


def _texts(name: str, values: object) -> tuple[str, ...]:
    """The texts of any iterable, which is gone through once: a generator has nothing to say the second time.

    Raises TypeError for what is none: it must not read as a filter that is not there, or as one that finds nothing.
    """
    if isinstance(values, str):
        raise TypeError(f"{name} is a text, and has to be a list of texts: [{values!r}]")
    if isinstance(values, pulumi.Output | Mapping) or not isinstance(values, Iterable):
        raise TypeError(f"{name} is {_shown(values)}, and has to be a list of texts")
    listed = tuple(values)
    for one in listed:
        _text(name, one)
    return listed


def _number(name: str, value: object) -> int:
    """A whole number, also as the text that a configuration holds."""
    if isinstance(value, str) and re.fullmatch("-?[0-9]{1,9}", value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is {_shown(value)}, and has to be a whole number")
    return value


def _shown(value: object) -> str:
    return "an Output" if isinstance(value, pulumi.Output) else repr(value)  # the repr of one is a warning


def _text(name: str, value: object) -> None:
    """Refuse what is no text; an Output would be asked for by the words of its warning."""
    if isinstance(value, pulumi.Output):
        raise TypeError(f"{name} is an Output, not known while the program runs: .apply, or get_media_asset_output")
    if not isinstance(value, str) or not value.strip():
        raise TypeError(f"{name} is {value!r}, and has to be a text")


class _Once:
    """Pages as one sequence: each is asked for at most once, and only when somebody gets there."""

    def __init__(self, pages: Iterator[list[MediaAsset]]) -> None:
        self._pages = pages
        self._assets: dict[str, MediaAsset] = {}
        self._failed: VodError | None = None

    def __repr__(self) -> str:
        return f"<assets of VOD, {len(self._assets)} asked for so far: to be iterated over>"

    def __iter__(self) -> Iterator[MediaAsset]:
        given = 0
        while True:
            known = list(self._assets.values())[given:]
            yield from known
            given += len(known)
            if not known and not self._more():
                return

    def _more(self) -> bool:
        with _told():
            if self._failed is not None:  # a generator that has raised is over, and must not read as the end
                raise self._failed
            try:
                page = next(self._pages, None)
            except VodError as error:
                self._failed = error
                raise
        if page is None:
            return False
        self._assets |= {asset.id: asset for asset in page}
        return True


class _LateError(DeadlineError):
    """The time that a function has is over; says of what, and where it is set."""

    def __init__(self, text: str) -> None:
        VodError.__init__(self, text)


class _CallDeadline(Deadline):
    """The deadline of one call of a function, which no resource has a timeout for."""

    def __init__(self, seconds: float, doing: str, endpoint: str) -> None:
        super().__init__(seconds, notice=lambda what: pulumi.log.info(f"{doing}: {what}", ephemeral=True))
        self._late = f"{doing}: VOD at {endpoint} has not answered within {seconds:g} s (vod:timeouts.read)"

    def check(self) -> None:
        try:
            super().check()
        except DeadlineError as error:
            raise _LateError(self._late) from error


def _connected(place: tuple[str | None, str | None, str | None], doing: str) -> tuple[Client, Callable[[], Deadline]]:
    """A client for that place, and what makes the deadline for one call."""
    configured = _configuration()
    if (configured, place) not in _connections:
        from vod_provider.vod.client import Client
        from vod_provider.vod.transport import Transport

        here = settings.load(dict(configured), os.environ).at(*place)
        transport = Transport(here.endpoint, here.project_id, here.credentials, account=here.account)
        _connections[configured, place] = Client(transport, here.quotas), here.endpoint, here.timeouts.read
    client, endpoint, seconds = _connections[configured, place]
    return client, partial(_CallDeadline, seconds, doing, endpoint)


def _of_run() -> dict[Any, Any]:
    """What this run has asked for: a process may run several, one after the other, with Pulumi's Automation API."""
    return _found.setdefault(runtime.get_monitor() or _no_run, {})


def _configuration() -> tuple[tuple[str, str], ...]:
    """The stack's configuration, as far as it matters here: one process may run several stacks."""
    found = ((name, pulumi.Config(name.split(":")[0]).get(name.split(":")[1])) for name in settings.NAMES)
    return tuple((name, value) for name, value in found if value)


@contextmanager
def _told() -> Iterator[None]:
    """Errors as Pulumi shows them without a traceback."""
    try:
        yield
    except (VodError, settings.SettingsError) as error:
        raise pulumi.RunError(str(error)) from error

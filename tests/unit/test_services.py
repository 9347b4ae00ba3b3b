"""Where audios are looked for whose state does not say where they are."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.unit.fakes import refused
from tests.unit.test_provider import CONFIG, DECLARED, ENDPOINT, PROJECT, SITE, owner
from vod_provider.audio import inputs, ledger_store
from vod_provider.audio.ledger import Ledger
from vod_provider.audio.ledger_records import Holder, Key, Request
from vod_provider.audio.operation import Operation
from vod_provider.audio.place import Place
from vod_provider.config import settings
from vod_provider.config.errors import SettingsError
from vod_provider.config.parsers import Listening
from vod_provider.plugin import services as of_services
from vod_provider.plugin.event_listener import Gate
from vod_provider.plugin.services import Services
from vod_provider.vod.assets import Asset
from vod_provider.vod.client import Client
from vod_provider.vod.deadline import Deadline, Stop
from vod_provider.vod.pacing.poller import Poller

BEFORE = f"{ENDPOINT} {'1' * 32}"
"""Where the default was when the ledger first saw the audio; it is at `SITE` now."""


class Places(Services):
    """Services that have one audio, at the places of `there`; those that were asked about it are in `asked`."""

    def __init__(self, folder: Path, there: str | None) -> None:
        super().__init__(settings.load(CONFIG, {}), Ledger(folder / "ledger.sqlite"), Stop(), lambda _: None)
        self._there = there
        self.looked: list[str] = []

    def at(self, place: Place) -> Any:
        self._place = place
        return self

    def glance(self, audio_id: str, _deadline: Deadline) -> Asset:
        self.looked.append(self._place.site)
        return Asset(audio_id, "CREATED") if self._place.site == self._there else Asset.gone(audio_id)


@pytest.mark.parametrize(
    ("there", "looked", "found", "assumed"),
    [
        (BEFORE, [BEFORE], BEFORE, False),
        (SITE, [BEFORE, SITE], SITE, False),
        (None, [BEFORE, SITE], BEFORE, True),
    ],
)
def test_an_old_state_is_looked_for_where_the_ledger_saw_it_first(
    tmp_path: Path, there: str | None, looked: list[str], found: str, assumed: bool
) -> None:
    """Then where the default is now; found at neither, it stays what it was, and nothing is proven."""
    services = Places(tmp_path, there)
    services.ledger.hold([Holder(BEFORE, "audio1", owner("talk"), assumed=True)])
    given = Holder(SITE, "audio1", owner("talk"), account="a", assumed=True)
    holder, place = services.placed(given, Deadline())
    assert services.looked == looked
    assert (holder.site, holder.assumed) == (found, assumed)
    assert (place.site, place.account) == (found, "a")


def test_a_state_that_says_where_is_believed(tmp_path: Path) -> None:
    """Nobody is asked."""
    services = Places(tmp_path, None)
    holder, place = services.placed(Holder(BEFORE, "audio1", owner("talk")), Deadline())
    assert services.looked == []
    assert (holder.site, holder.assumed, place.site) == (BEFORE, False, BEFORE)


class FakeListener:
    """A listener that is at `made` once it listens; the next one fails as `fails` has it."""

    made: list[FakeListener]
    fails: Exception | None = None

    def __init__(self, listening: Listening, heard: Callable[[str], None]) -> None:
        if self.fails is not None:
            raise self.fails
        self.gate, self.address, self.hear = Gate(listening.key), (listening.host, listening.port), heard
        self.made.append(self)


class Listens:
    """Services over real places, whose settings may have VOD's events listened for."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, *, events: bool = True) -> None:
        self.warned: list[str] = []
        given = {"vod:events": json.dumps({"listen": "127.0.0.1:8490", "key": "k"})} if events else {}
        base = settings.load(CONFIG | given, {})
        self.services = Services(base, Ledger(folder / "ledger.sqlite"), Stop(), self.warned.append)
        self.heard: list[tuple[object, str]] = []
        self.listening: list[object] = []
        monkeypatch.setattr(FakeListener, "made", [], raising=False)
        monkeypatch.setattr(FakeListener, "fails", None)
        monkeypatch.setattr(of_services, "Listener", FakeListener)
        monkeypatch.setattr(Poller, "hurry", lambda poller, audio: self.heard.append((poller, audio)))
        monkeypatch.setattr(Poller, "listen", lambda poller: self.listening.append(poller))

    def place(self, project: str) -> None:
        """Have a place used."""
        self.services.at(Place(ENDPOINT, project * 32))


def test_events_hurry_those_who_wait_at_any_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At those that were used before somebody listened, and at later ones; an event does not say where it is from."""
    one = Listens(tmp_path, monkeypatch)
    one.place("1")
    assert one.listening == []
    one.services.listen()
    assert len(one.listening) == 1
    one.services.listen()
    one.place("1")
    one.place("2")
    (listener,) = FakeListener.made
    assert listener.address == ("127.0.0.1", 8490)
    assert len(set(one.listening)) == len(one.listening) == 2
    listener.hear("audio1")
    assert one.heard == [(poller, "audio1") for poller in one.listening]


def test_nobody_listens_without_the_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing is said of events."""
    one = Listens(tmp_path, monkeypatch, events=False)
    one.place("1")
    one.services.listen()
    assert (FakeListener.made, one.listening, one.warned, one.services.over()) == ([], [], [], "")


def test_an_address_in_use_is_a_warning_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run may have it: VOD is asked as without events. The reason is the system's own."""
    one = Listens(tmp_path, monkeypatch)
    monkeypatch.setattr(FakeListener, "fails", OSError(98, "Address already in use"))
    one.place("1")
    one.services.listen()
    one.services.listen()
    one.place("2")
    assert one.warned == [
        "vod:events.listen: 127.0.0.1:8490 cannot be listened on (Address already in use), by another run perhaps:"
        " asking VOD instead"
    ]
    assert one.listening == []
    assert one.services.over() == ""


def test_events_that_do_not_come_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the poller that has waited for them, with what to look at."""
    one = Listens(tmp_path, monkeypatch)
    one.place("1")
    one.services._pollers[0]._schedule._unheard()
    assert [it.partition(":")[0] for it in one.warned] == ["vod"]
    assert "audios are done without an event of it, so VOD is asked instead" in one.warned[0]


def test_a_wrong_certificate_is_an_error_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each resource that would have to wait is told, and not only the first."""
    one = Listens(tmp_path, monkeypatch)
    monkeypatch.setattr(FakeListener, "fails", SettingsError("no certificate"))
    for _ in range(2):
        with pytest.raises(SettingsError, match="no certificate"):
            one.services.listen()


def test_a_key_that_fits_no_callback_is_said_when_the_run_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody notices it otherwise: VOD was asked instead. Of callbacks that are in order nothing is said."""
    one = Listens(tmp_path, monkeypatch)
    one.services.listen()
    assert one.services.over() == ""
    FakeListener.made[0].gate.admit("1", "of another key", b"")
    assert one.services.over().startswith("vod:events: callbacks came, and none was signed with vod:events.key")


def asked_of(services: Services, of: str) -> tuple[Key, Place]:
    """By which key, and where, VOD is asked for the usual audio by the resource of that owner."""
    asked, place = services.asked(inputs.parse(DECLARED | {"account": "a"}), Operation(of), tuple)
    return asked.key, place


def test_what_was_asked_for_elsewhere_before_is_looked_for_there(tmp_path: Path) -> None:
    """The default was another one when a run was broken off: VOD is not asked at the new one, which would be paid."""
    accounts = {"vod:accounts": json.dumps({"a": {"token": "t", "projectId": PROJECT}})}
    base = settings.load(CONFIG | accounts, {})
    services = Services(base, Ledger(tmp_path / "ledger.sqlite"), Stop(), lambda _: None)
    key, place = asked_of(services, owner("talk"))
    assert (key.owner, place) == (owner("talk"), Place(ENDPOINT, PROJECT, "a"))
    services.ledger.intend(Request(*key, BEFORE, None, "video", "MP3", 0.0))
    assert asked_of(services, owner("talk")) == (key, Place(ENDPOINT, "1" * 32, "a"))


def test_a_resource_that_nobody_can_name_shares_no_audio(tmp_path: Path) -> None:
    """Where the host does not say which resource it is, two of the same inputs are two."""
    services = Places(tmp_path, None)
    asked = inputs.parse(DECLARED)
    first, second = (services.asked(asked, Operation(), tuple)[0].key for _ in range(2))
    assert first.owner
    assert first.owner != second.owner


def test_a_state_of_long_ago_without_a_default_needs_no_place_in_the_ledger(tmp_path: Path) -> None:
    """Neither the state nor the ledger says where: the settings do, with the credentials that the state names."""
    services = Places(tmp_path, SITE)
    holder, place = services.placed(Holder("", "audio1", owner("talk"), assumed=True), Deadline())
    assert services.looked == [SITE]
    assert (holder.site, holder.assumed, place) == (SITE, False, Place(ENDPOINT, PROJECT))


def test_deletes_and_publications_leave_in_tens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What VOD does not have is deleted; what a call of ten has not deleted is asked for once more, by itself."""
    ids, deleted, said = [str(number) for number in range(10)], list[list[str]](), list[bool]()

    def delete(_: Client, asked: Sequence[str], _deadline: Deadline) -> dict[str, bool]:
        deleted.append(list(asked))
        if asked == ["1"]:
            raise refused("VOD.10062")
        return {one: len(asked) == 1 or one not in {"0", "1"} for one in asked}

    def publish(_: Client, asked: Sequence[str], _deadline: Deadline, *, published: bool) -> dict[str, Asset]:
        said.append(published)
        return {one: Asset(one, "PUBLISHED") for one in asked}

    monkeypatch.setattr(Client, "delete", delete)
    monkeypatch.setattr(Client, "publish", publish)
    services = Services(settings.load(CONFIG, {}), Ledger(tmp_path / "ledger.sqlite"), Stop(), lambda _: None)
    lifecycle = services.at(Place(ENDPOINT, PROJECT))
    assert services.at(Place(ENDPOINT, PROJECT)) is lifecycle
    asked = [lifecycle._deletes.asking(one) for one in ids]
    assert [it.result(20) for it in asked] == [True] * 10
    assert deleted == [ids, ["0"], ["1"]]
    for whether in (True, False):
        waits = [lifecycle._publishes[whether].asking(one) for one in ids]
        assert {it.result(20).status for it in waits} == {"PUBLISHED"}
    assert said == [True, False]


@pytest.mark.parametrize(("quota", "share"), [(1000, 500), (1, 1)])
def test_waiting_uses_up_half_of_the_query_quota(tmp_path: Path, quota: int, share: int) -> None:
    """So that reads and searches go on meanwhile; of the smallest quota, too, one call a minute is left for it."""
    base = settings.load(CONFIG | {"vod:quotas": json.dumps({"query": quota})}, {})
    services = Services(base, Ledger(tmp_path / "ledger.sqlite"), Stop(), lambda _: None)
    services.at(Place(ENDPOINT, PROJECT))
    (poller,) = services._pollers
    assert poller._schedule._share.quota == share


@pytest.mark.parametrize(
    ("owners", "stack"), [("b urn:pulumi:dev::media::", "b urn:pulumi:dev::media::"), ("", "file:///state media/dev")]
)
def test_a_ledger_in_storage_is_that_of_the_stack(monkeypatch: pytest.MonkeyPatch, owners: str, stack: str) -> None:
    """As its owners begin; where the host does not say, by the backend and the names that the engine tells."""
    opened: list[tuple[str, str | None]] = []

    def store(_location: object, stack: str, *, region: str | None, **_: object) -> object:
        opened.append((stack, region))
        return object()

    monkeypatch.setattr(ledger_store, "opened", store)
    environ = {"PULUMI_BACKEND_URL": "file:///state", "PULUMI_PROJECT": "media", "PULUMI_STACK": "dev"}
    config = CONFIG | {"vod:journal": "s3://bucket/ledger", "vod:region": "r"}
    services = Services.open(config, environ, Stop(), lambda _: None, owners)
    assert isinstance(services.ledger, Ledger)
    assert opened == [(stack, "r")]


def test_a_ledger_in_a_file_is_at_its_path(tmp_path: Path) -> None:
    """Once it is written."""
    file = tmp_path / "ledger.sqlite"
    services = Services.open(CONFIG | {"vod:journal": str(file)}, {}, Stop(), lambda _: None)
    services.ledger.hold([Holder(SITE, "audio1", owner("talk"))])
    assert file.exists()

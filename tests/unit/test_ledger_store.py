"""A ledger in object storage: what one machine writes another reads, and two writers see each other's rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from obstore.exceptions import GenericError, NotSupportedError
from obstore.store import MemoryStore

from vod_provider.audio import ledger_store
from vod_provider.audio.ledger import Ledger
from vod_provider.audio.ledger_records import Change, Holder, Key, LedgerError, Request, State
from vod_provider.audio.ledger_store import FOLDER, ObjectStore
from vod_provider.config.ledger_location import LedgerStore
from vod_provider.vod.signing import AccessKey, Token

SITE = "https://vod project"
DEV, PROD = "s3://state urn:pulumi:dev::", "s3://state urn:pulumi:prod::"
NOBODY = Token("token")


def store(objects: Any, stack: str = DEV, warn: Callable[[str], None] = pytest.fail) -> ObjectStore:
    return ObjectStore(objects, "s3://bucket/team", "team", stack, warn)


def ledger(objects: Any, stack: str = DEV) -> Ledger:
    return Ledger(None, store=store(objects, stack))


def request(owner: str = DEV + "a", audio_id: str | None = None) -> Request:
    state = State.INTENDED if audio_id is None else State.ACCEPTED
    return Request(owner, "f", SITE, None, "video", "MP3", 1.0, {"title": "T"}, audio_id=audio_id, state=state)


def names(objects: Any) -> list[str]:
    return sorted(str(meta["path"]) for page in objects.list() for meta in page)


def change(number: int, *, deleted: bool = False) -> Change:
    row: dict[str, object] = {
        "site": SITE,
        "audio_id": f"a{number}",
        "owner": "o",
        "account": None,
        "made_for": "",
        "source": "",
        "format": "",
    }
    row |= {"adopted": False, "assumed": False}
    return Change("holders", (SITE, f"a{number}", "o"), None if deleted else row)


def test_another_machine_goes_on() -> None:
    """What was intended is there for the next runner, whose disk is new; so is what was flushed."""
    objects = MemoryStore()
    first = ledger(objects)
    assert first.intend(request())
    assert ledger(objects).find(Key(DEV + "a", "f")) == request()
    first.accept(Key(DEV + "a", "f"), "audio")
    first.flush()
    found = ledger(objects).find(Key(DEV + "a", "f"))
    assert found is not None
    assert found.audio_id == "audio"


def test_the_second_to_intend_the_same_may_not() -> None:
    """Two plugin processes of one stack: the one whose segment comes second reads the first one's and gives way."""
    objects = MemoryStore()
    one, two = ledger(objects), ledger(objects)
    assert one.find(request().key) is None
    assert two.find(request().key) is None
    assert one.intend(request())
    assert not two.intend(request())
    assert two.intend(request(DEV + "b"))
    assert {it.owner for it in ledger(objects).requests(SITE)} == {DEV + "a", DEV + "b"}


def test_other_stacks() -> None:
    """Their rows are read, and never written to this stack's log; they are read again after a while."""
    objects = MemoryStore()
    theirs, mine = ledger(objects, PROD), ledger(objects)
    theirs.hold([Holder(SITE, "x", PROD + "a")])
    theirs.flush()
    assert mine.known_ids(SITE) == {"x"}
    assert mine.holders(SITE) == []
    assert mine.others_of(Holder(SITE, "x", DEV + "a", made_for="m", adopted=True)) == [PROD + "a"]


def test_other_stacks_are_not_asked_for_each_question(monkeypatch: pytest.MonkeyPatch) -> None:
    """One listing serves for some seconds; then only what is new is fetched."""
    now = [0.0]
    monkeypatch.setattr("vod_provider.audio.ledger_store.time.monotonic", lambda: now[0])
    objects = MemoryStore()
    theirs, mine = store(objects, PROD), store(objects)
    theirs.load()
    theirs.append([change(1)])
    assert len(list(mine.others())) == 1
    before = mine.requests
    theirs.append([change(2)])
    assert len(list(mine.others())) == 1
    assert mine.requests == before
    now[0] = ledger_store.OTHERS_S
    assert len(list(mine.others())) == 2
    assert mine.requests == before + 2  # the listing, and the new segment


def test_a_snapshot_stands_for_what_came_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long log is read as a snapshot and what follows it, also by a process that had read a part of it."""
    monkeypatch.setattr(ledger_store, "SNAPSHOT_AFTER", 10)
    objects = MemoryStore()
    early, writer = store(objects), store(objects)
    early.load()
    writer.load()
    for number in range(25):
        assert not writer.append([change(number)])
        if number % 2:
            writer.append([change(number - 1, deleted=True)])
    expected = {f"a{number}" for number in range(25) if number % 2} | {"a24"}
    fresh = store(objects)
    assert {it.key[1] for it in fresh.load()} == expected
    assert fresh.requests < 15
    assert early.append([change(99)])  # it has to read first
    assert not early.append([change(99)])
    assert {it.key[1] for it in store(objects).load()} == expected | {"a99"}


def test_old_segments_go_and_young_ones_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that writes after what is gone would write where nobody reads: so they stay for days."""
    monkeypatch.setattr(ledger_store, "SNAPSHOT_AFTER", 5)
    objects = MemoryStore()
    writer = store(objects)
    writer.load()
    for number in range(5):
        writer.append([change(number)])
    assert len([name for name in names(objects) if "snapshot" not in name]) == 5
    monkeypatch.setattr(ledger_store, "KEEP", -ledger_store.KEEP)
    for number in range(5):
        writer.append([change(number)])
    assert [name.rpartition("/")[2] for name in names(objects)] == ["000000000010.json", "000000000010.snapshot.json"]
    assert len(list(store(objects).load())) == 5


class Forgetful:
    """Storage whose answer to the first write of a segment is lost, and which is then asked again."""

    def __init__(self) -> None:
        self._objects = MemoryStore()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._objects, name)

    def put(self, path: str, content: bytes, *, mode: Any) -> Any:
        if path.endswith(".json"):
            self._objects.put(path, content, mode=mode)
        return self._objects.put(path, content, mode=mode)


def test_its_own_write_is_no_others() -> None:
    """A write whose answer was lost is refused when it is sent again, since it is there already: it was done."""
    objects = Forgetful()
    one = store(objects)
    one.load()
    assert not one.append([change(1)])
    assert not one.append([change(2)])
    assert len(list(store(objects).load())) == 2


class Unconditional:
    """Storage that takes a second object of one name without a word, or says that it cannot tell."""

    def __init__(self, error: Exception | None = None) -> None:
        self._objects, self._error = MemoryStore(), error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._objects, name)

    def put(self, path: str, content: bytes, *, mode: str) -> Any:
        if mode == "create" and self._error is not None:
            raise self._error
        return self._objects.put(path, content, mode="overwrite")


@pytest.mark.parametrize("error", [None, NotSupportedError("no")], ids=["ignored", "refused"])
def test_storage_without_conditional_writes(error: Exception | None) -> None:
    """The ledger works, nothing is overwritten, and it is said once what is missing."""
    said: list[str] = []
    objects = Unconditional(error)
    one, two = store(objects, warn=said.append), store(objects, warn=said.append)
    one.load()
    two.load()
    assert not one.append([change(1)])
    assert not one.append([change(2)])
    assert two.append([change(3)])
    assert not two.append([change(3)])
    assert len(list(store(objects).load())) == 3
    assert len(said) == 2
    assert "has no conditional writes" in said[0]


class Broken:
    """Storage that fails, and whose words hold what is not to be shown."""

    def __getattr__(self, name: str) -> Any:
        def fail(*_: object, **__: object) -> Any:
            raise GenericError(
                "GET https://host/b?X-Amz-Signature=SECRET\x1b[31m failed:\n connection refused " + "x" * 999
            )

        return fail


def test_storage_that_cannot_be_reached_is_one_line() -> None:
    """It names the place and what to check, shows no signature and no control characters, and is bounded."""
    with pytest.raises(LedgerError) as raised:
        ledger(Broken()).find(Key("o", "f"))
    text = str(raised.value)
    assert text.startswith("the ledger at s3://bucket/team cannot be used (GET https://host/b")
    assert "SECRET" not in text
    assert text.isprintable()
    assert len(text) < 400


@pytest.mark.parametrize("content", [b"", b"[]", b'{"changes": [1]}', b"\xff"])
def test_an_object_that_is_not_ours(content: bytes) -> None:
    """Something else under the name of a segment is an error, and not taken for an empty ledger."""
    objects = MemoryStore()
    one = store(objects)
    one.load()
    one.append([change(1)])
    (name,) = names(objects)
    objects.put(name, content)
    with pytest.raises(LedgerError, match="cannot be read: team/"):
        store(objects).load()


def test_objects_hold_no_more_than_rows() -> None:
    """Their content is JSON with a version, below a folder of its own."""
    objects = MemoryStore()
    one = ledger(objects)
    one.intend(request())
    (name,) = names(objects)
    assert name.startswith(f"team/{FOLDER}/")
    content = json.loads(bytes(objects.get(name).bytes()))
    assert content["version"] == 1
    assert [it[0] for it in content["changes"]] == ["requests"]


def open_store(
    location: LedgerStore, credentials: AccessKey | Token = NOBODY, region: str | None = None
) -> ObjectStore:
    return ledger_store.opened(location, DEV, credentials=credentials, region=region)


def test_obs_takes_the_keys_of_the_stack() -> None:
    """Huawei's OBS speaks S3; a token of VOD is no key, and without a region there is no endpoint."""
    key = AccessKey("AK", "SK", "ST")
    opened = open_store(LedgerStore("obs", "bucket", "team"), key, "ap-southeast-3")
    assert opened.name == "obs://bucket/team"
    config = opened._objects.config
    assert config["endpoint"] == "https://bucket.obs.ap-southeast-3.myhuaweicloud.com"
    assert (config["access_key_id"], config["session_token"]) == ("AK", "ST")
    with pytest.raises(LedgerError, match="OBS takes vod:accessKey and vod:secretKey, and no vod:token"):
        open_store(LedgerStore("obs", "bucket"))
    with pytest.raises(LedgerError, match="set vod:region"):
        open_store(LedgerStore("obs", "bucket"), key)


@pytest.mark.parametrize("kind", ["s3", "gs", "azblob"])
def test_other_storage_opens_by_its_own_credentials(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening asks nobody."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SK")
    monkeypatch.setenv("GOOGLE_SKIP_SIGNATURE", "true")
    monkeypatch.setenv("AZURE_STORAGE_KEY", "c2VjcmV0")
    account = "account" if kind == "azblob" else None
    assert open_store(LedgerStore(kind, "bucket", "team", storage_account=account)).name == f"{kind}://bucket/team"


def test_without_the_extra_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line, with the command."""
    monkeypatch.setitem(__import__("sys").modules, "obstore", None)
    with pytest.raises(LedgerError, match=r'pip install "pulumi-huaweicloud-vod\[store\]"'):
        open_store(LedgerStore("s3", "bucket"))

"""A ledger in object storage: what one machine writes another reads, and two writers see each other's rows."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Any

import pytest
from obstore.exceptions import AlreadyExistsError, GenericError, NotSupportedError
from obstore.store import MemoryStore

from vod_provider.audio import ledger_store
from vod_provider.audio.ledger import Ledger
from vod_provider.audio.ledger_records import Change, Holder, Key, LedgerError, Request, State
from vod_provider.audio.ledger_store import FOLDER, ObjectStore
from vod_provider.config.ledger_location import LedgerStore
from vod_provider.vod.signing import AccessKey, Token

SITE = "https://vod project"
DEV, PROD = "s3://state urn:pulumi:dev::media::", "s3://state urn:pulumi:prod::media::"
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


@pytest.mark.parametrize("conditional", [True, False])
def test_a_request_of_another_stack_is_taken_over(*, conditional: bool) -> None:
    """Its own log has it no more, whoever has written there since that was read."""
    objects = MemoryStore() if conditional else Unconditional()
    theirs, mine = (Ledger(None, store=store(objects, stack, warn=lambda _: None), run=stack) for stack in (PROD, DEV))
    theirs.intend(request(PROD + "a"))
    (found,) = mine.elsewhere(DEV)["f"]
    theirs.intend(request(PROD + "b"))
    assert mine.take_over(found, DEV + "a")
    assert not mine.take_over(found, DEV + "c")
    assert {it.owner for it in ledger(objects).requests(SITE)} == {DEV + "a"}
    assert {it.owner for it in ledger(objects, PROD).requests(SITE)} == {PROD + "b"}
    assert [it.owner for it in mine.unanswered(SITE)] == [DEV + "a", PROD + "b"]


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
    theirs.append([change(3)])
    assert not mine.renew()
    assert len(list(mine.others())) == 3


def test_of_two_stacks_that_let_go_of_an_audio_one_deletes_it() -> None:
    """Each has read the other's log just before: whoever writes second finds that the first has let go."""
    objects = MemoryStore()
    mine, theirs = ledger(objects), ledger(objects, PROD)
    held = [Holder(SITE, it, stack + "a", made_for="m", adopted=stack == PROD) for stack in (DEV, PROD) for it in "xy"]
    for one, its in ((mine, held[:2]), (theirs, held[2:])):
        one.hold(its)
        one.flush()
    assert mine.known_ids(SITE) == theirs.known_ids(SITE) == {"x", "y"}
    assert mine.let_go(held[:1]) == [[PROD + "a"]]
    assert theirs.let_go([Holder(SITE, "z", PROD + "b"), *held[2:]]) == [[], [], [DEV + "a"]]


def test_whether_anybody_else_has_written_takes_one_question() -> None:
    """The log is listed only where there is more; or where the numbers of its segments may be taken twice."""
    objects = MemoryStore()
    one, two = store(objects), store(objects)
    one.load()
    two.load()
    assert not one.append([change(1)])
    before = one.requests
    assert not one.newer()
    assert one.requests == before + 1
    assert list(two.newer()) == [change(1)]
    assert not two.append([change(2)])
    assert list(one.newer()) == [change(2)]
    assert not one.newer()


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


def test_a_process_that_was_halted_for_days_writes_where_others_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it has not read is part of a snapshot and has gone, so nothing refuses a segment in its place."""
    monkeypatch.setattr(ledger_store, "SNAPSHOT_AFTER", 5)
    objects = MemoryStore()
    halted, looking, writer, theirs = (store(objects, it) for it in (DEV, DEV, DEV, PROD))
    for one in (halted, looking, writer, theirs):
        one.load()
        list(one.others())
    for number in range(5):
        assert writer.append([change(number)]) == ()
    objects.delete([name for name in names(objects) if name.endswith(("1.json", "2.json", "3.json", "4.json"))])
    monkeypatch.setattr(ledger_store, "running", lambda: time.monotonic() + 3 * 86400.0)
    assert len(looking.newer()) == 5
    assert len(halted.append([change(5)])) == 5
    assert halted.append([change(5)]) == ()
    theirs.append_to(DEV, [change(6)])
    assert len(list(store(objects).load())) == 7


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


def test_a_write_whose_answer_never_comes_was_done() -> None:
    """Where all attempts end without an answer, the object that is there says that it was written."""
    objects = MemoryStore()

    def no_answer(verb: str, path: str) -> None:
        if verb == "put" and path.endswith("1.json"):
            raise GenericError("operation timed out")

    class Late(Hooked):
        def put(self, path: str, content: bytes, *, mode: Any) -> Any:
            if not path.endswith("1.json"):
                return objects.put(path, content, mode=mode)
            objects.put(path, content, mode=mode)
            return super().put(path, content, mode="overwrite")

    one = ledger(Late(objects, no_answer))
    assert intend(one, "a", "b") == [True, True]
    assert known(objects, "a", "b") == [True, True]
    assert len([name for name in names(objects) if "probe" not in name]) == 2


def test_a_write_that_is_refused_for_one_that_is_not_there() -> None:
    """S3 says so of two writes that overlap, of which neither may be done: it is tried again, and not for ever."""
    refusals = [AlreadyExistsError("409 Conflict")] * 2

    def overlapping(verb: str, path: str) -> None:
        if verb == "put" and "probe" not in path and refusals:
            raise refusals.pop()

    objects = MemoryStore()
    one = ledger(Hooked(objects, overlapping))
    assert intend(one, "a") == [True]
    assert known(objects, "a") == [True]
    refusals += [AlreadyExistsError("412 Precondition Failed")] * 99
    with pytest.raises(LedgerError, match="somebody else has just written"):
        intend(one, "b")


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


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (
            "Generic S3 error: Error performing PUT https://s3.eu-west-1.amazonaws.com/a-bucket/team/vod-ledger/0250f0"
            "8923c4cd6a491512d2616b459b/000000000004.json in 389.361092ms, after 3 retries, max_retries: 3,"
            " retry_timeout: 20s  - Server returned non-2xx status code: 503 Service Unavailable: <Error><Code>SlowDown"
            "</Code><Message>Please reduce your request rate.</Message></Error>",
            "PUT: 503 Service Unavailable: SlowDown: Please reduce your request rate.",
        ),
        (
            "The operation lacked the necessary privileges to complete for path team/vod-ledger/0250f08923c4cd6a491512d"
            "2616b459b/000000000004.json: Error performing GET https://s3.eu-west-1.amazonaws.com/a-bucket/team/vod-ledg"
            "er/0250f08923c4cd6a491512d2616b459b/000000000004.json in 5.1ms - Server returned non-2xx status code: 403"
            " Forbidden: <Error><Code>ExpiredToken</Code><Message>The token has expired.</Message></Error>",
            "GET: 403 Forbidden: ExpiredToken: The token has expired.",
        ),
        (
            "Generic S3 error: Error performing PUT http://127.0.0.1:9/bucket/0250f08923c4cd6a491512d2616b459b in 10.0s"
            " - HTTP error: error sending request",
            "PUT: error sending request",
        ),
    ],
    ids=["503", "403", "no answer"],
)
def test_the_reason_comes_first(told: str, why: str) -> None:
    """The storage's client tells a long address before it; what is to be mended must not be what is cut off."""

    def fail(_verb: str, _path: str) -> None:
        raise GenericError(told)

    with pytest.raises(LedgerError) as raised:
        ledger(Hooked(MemoryStore(), fail)).find(Key("o", "f"))
    assert str(raised.value).startswith(f"the ledger at s3://bucket/team cannot be used ({why}); check vod:journal")


TOKEN = "FwoGZXIvYXdzE" + "abc/def+" * 20 + "=="
ECHOES = {
    "of S3": f"403 Forbidden: <?xml?><Error><Code>ExpiredToken</Code><Message>No more.</Message><T>{TOKEN}</T></Error>",
    "in its message": f"403: <Error><Message>You sent {TOKEN}.</Message></Error>",
    "as text": f"403: {TOKEN}",
    "as a page": f"403: <html>{TOKEN}",
    "beside what is cut off": f"{'x' * 240}{TOKEN}",
}


@pytest.mark.parametrize("said", ECHOES.values(), ids=ECHOES.keys())
@pytest.mark.parametrize("place", ["AWS_SESSION_TOKEN", "the stack"])
def test_storage_that_tells_a_token_again(said: str, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As S3 does with one that has expired: neither it nor a part of it is shown, and what S3 means is."""
    key = AccessKey("AK", "SK", "ST")
    if place == "the stack":
        key = AccessKey("AK", "SK", TOKEN)
    else:
        monkeypatch.setenv(place, TOKEN)

    class Telling:
        def list(self, _: str) -> object:
            raise GenericError(f"GET https://host/b - {said}\n\nDebug source:\n{TOKEN}")

    one = open_store(LedgerStore("obs", "bucket", "team", endpoint="https://s3.example"), key)
    one._objects = Telling()
    with pytest.raises(LedgerError) as raised:
        one.load()
    assert "FwoGZ" not in str(raised.value)
    if "ExpiredToken" in said:
        assert "403 Forbidden: ExpiredToken: No more.);" in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"changes": [1]}', b"\xff", b"[" * 100_000, b'{"changes": null}'])
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


@pytest.mark.parametrize("covers", ["5", '"a"', "[[]]", "{}"])
def test_a_snapshot_that_is_not_ours(covers: str) -> None:
    """What it says of segments is checked like the rest of it."""
    objects = MemoryStore()
    one = store(objects)
    one.load()
    one.append([change(1)])
    (name,) = names(objects)
    snapshot = f"{name.removesuffix('1.json')}2.snapshot.json"
    objects.put(snapshot, f'{{"changes": [], "covers": {covers}}}'.encode())
    with pytest.raises(LedgerError, match=r"snapshot\.json is not of this package"):
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
    opened = open_store(LedgerStore(kind, "bucket", "team", storage_account=account))
    assert opened.name == f"{kind}://bucket/team"
    assert type(opened._objects).__name__ == {"s3": "S3Store", "gs": "GCSStore", "azblob": "AzureStore"}[kind]
    assert opened._objects.config.get("account_name") == account


def test_without_the_extra_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line, with the command."""
    monkeypatch.setitem(__import__("sys").modules, "obstore", None)
    with pytest.raises(LedgerError, match=r'pip install "pulumi-huaweicloud-vod\[store\]"'):
        open_store(LedgerStore("s3", "bucket"))


class Hooked:
    """Storage in memory whose requests a test may answer otherwise: `before` is called with the verb and the path."""

    def __init__(self, objects: Any, before: Callable[[str, str], object]) -> None:
        self._objects, self._before = objects, before

    def put(self, path: str, content: bytes, *, mode: Any) -> Any:
        self._before("put", path)
        return self._objects.put(path, content, mode=mode)

    def get(self, path: str) -> Any:
        self._before("get", path)
        return self._objects.get(path)

    def list(self, prefix: str) -> Any:
        listed = list(self._objects.list(prefix))
        self._before("listed", prefix)
        return listed

    def delete(self, paths: Any) -> Any:
        self._before("delete", str(paths))
        return self._objects.delete(paths)


def intend(one: Ledger, *owners: str) -> list[bool]:
    return [one.intend(request(DEV + owner)) for owner in owners]


def known(objects: Any, *owners: str) -> list[bool]:
    """Whether a new machine finds the requests of these owners."""
    new = ledger(objects)
    return [new.find(Key(DEV + owner, "f")) is not None for owner in owners]


def test_the_second_to_intend_the_same_may_not_across_a_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    """What another process wrote counts also where it is read as a snapshot: else both would ask VOD for the same."""
    monkeypatch.setattr(ledger_store, "SNAPSHOT_AFTER", 3)
    objects = MemoryStore()
    one, two = ledger(objects), ledger(objects)
    assert known(objects, "a") == [False]
    assert two.find(Key(DEV + "a", "f")) is None
    assert intend(one, "a", "b", "c") == [True] * 3
    assert intend(two, "c", "a", "d") == [False, False, True]
    assert known(objects, "a", "b", "c", "d") == [True] * 4


def test_what_a_snapshot_leaves_out_is_deleted() -> None:
    """A row that another process has deleted before its snapshot goes here, too."""
    objects = MemoryStore()
    one, two = store(objects), store(objects)
    one.load()
    one.append([change(1)])
    two.load()
    one.append([change(1, deleted=True)])
    one._write_snapshot(one._folder, one._log)
    assert two.append([change(2)]) == [change(1, deleted=True)]


def test_a_write_after_one_that_changed_nothing() -> None:
    """Refused by a segment that changes no row, the write is done after that: no answer must stand for one not done."""
    objects = MemoryStore()
    one, two = store(objects), store(objects)
    one.load()
    two.load()
    one.append([change(1), change(1, deleted=True)])
    assert not two.append([change(2)])
    assert {it.key[1] for it in store(objects).load()} == {"a2"}


def test_a_snapshot_that_cannot_be_written_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The change itself is durable by then; a key that may not delete would else end every run at its 100th request."""
    monkeypatch.setattr(ledger_store, "SNAPSHOT_AFTER", 3)
    tried: list[str] = []

    def denied(verb: str, path: str) -> None:
        if path.endswith(".snapshot.json"):
            tried.append(verb)
            raise GenericError("denied")

    objects = MemoryStore()
    one = ledger(Hooked(objects, denied))
    owners = [str(number) for number in range(7)]
    assert intend(one, *owners) == [True] * 7
    assert known(objects, *owners) == [True] * 7
    assert tried == ["put"] * 2


def test_objects_that_go_while_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process writes a snapshot between the listing and the reading: the log is listed again."""
    monkeypatch.setattr(ledger_store, "SNAPSHOT_AFTER", 3)
    monkeypatch.setattr(ledger_store, "KEEP", -ledger_store.KEEP)
    objects = MemoryStore()
    writer = ledger(objects)
    intend(writer, "0", "1", "2")
    late = ["3", "4", "5"]

    def meanwhile(verb: str, _: str) -> None:
        if verb == "listed" and late:
            intend(writer, *[late.pop(0) for _ in range(3)])

    reader = ledger(Hooked(objects, meanwhile))
    assert [reader.find(Key(DEV + str(number), "f")) is not None for number in range(6)] == [True] * 6


def test_objects_that_are_never_there_are_an_error() -> None:
    """A listing that shows what cannot be read is not tried for ever."""
    objects = MemoryStore()
    intend(ledger(objects), "0")

    def gone(verb: str, path: str) -> None:
        if verb == "get":
            raise FileNotFoundError(path)

    with pytest.raises(LedgerError, match="cannot be used"):
        ledger(Hooked(objects, gone)).find(Key(DEV + "0", "f"))


def test_a_probe_whose_answer_is_lost_proves_conditions() -> None:
    """It is sent again, and refused since it is there: storage that refuses has conditional writes."""
    objects = MemoryStore()

    def sent_twice(verb: str, path: str) -> None:
        if verb == "put" and "probe" in path:
            objects.put(path, b"", mode="overwrite")

    one = store(Hooked(objects, sent_twice))  # told to warn, it fails
    one.load()
    one.append([change(1)])
    assert next(name for name in names(objects) if "probe" not in name).endswith("/000000000001.json")


def test_a_snapshot_of_one_of_two_writes_without_conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two writers take one number, and one snapshots without having read the other's: both are found afterwards."""
    monkeypatch.setattr(ledger_store, "SNAPSHOT_AFTER", 3)
    objects = Unconditional()
    first = Ledger(None, store=store(objects, warn=lambda _: None))
    intend(first, "a1", "a2")
    late = ["a3"]

    def meanwhile(verb: str, path: str) -> None:
        if verb == "listed" and second_reads and late:
            intend(first, late.pop())

    second_reads: list[bool] = []
    second = Ledger(None, store=store(Hooked(objects, meanwhile), warn=lambda _: None))
    assert second.find(Key(DEV + "a1", "f")) is not None
    second_reads.append(True)
    assert intend(second, "b3") == [True]
    assert known(objects, "a1", "a2", "a3", "b3") == [True] * 4


@pytest.mark.parametrize("fails", ["put", "get"])
def test_what_was_read_counts_though_the_write_after_it_failed(fails: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused, it reads the other's rows, and then the storage breaks: those rows are still there when it is back."""
    monkeypatch.setattr(ledger_store, "SNAPSHOT_AFTER", 2)
    objects = MemoryStore()
    broken: list[str] = []

    def breaks(verb: str, path: str) -> None:
        if broken and verb == fails and path.endswith(broken[0]):
            raise GenericError("broken")

    one, two = ledger(objects), ledger(Hooked(objects, breaks))
    assert intend(two, "0") == [True]
    assert intend(one, "a") == [True]
    assert intend(one, "b") == [True]
    broken.append("4.json" if fails == "put" else "3.json")
    with pytest.raises(LedgerError, match="broken"):
        intend(two, "c")
    broken.clear()
    assert intend(two, "a", "b", "c") == [False, False, True]


def test_this_machines_clock_removes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is old is told by the storage's own times: a clock that is days ahead must not take young segments away."""

    class Ahead(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Ahead:
            return cls(2199, 1, 1, tzinfo=tz)

    monkeypatch.setattr(ledger_store, "SNAPSHOT_AFTER", 3)
    monkeypatch.setattr(ledger_store, "datetime", Ahead, raising=False)
    objects = MemoryStore()
    intend(ledger(objects), "0", "1", "2", "3")
    assert len([name for name in names(objects) if "snapshot" not in name]) == 4

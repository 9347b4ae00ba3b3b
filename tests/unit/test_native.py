"""The native plugin's side of Pulumi's protocol: names, settings, previews, imports, errors."""

from __future__ import annotations

import io
import json
import re
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from email.message import Message
from typing import Any, NoReturn

import grpc
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.dynamic import CheckFailure, CheckResult, CreateResult, DiffResult, ReadResult, UpdateResult
from pulumi.runtime import rpc
from pulumi.runtime.proto import plugin_pb2, provider_pb2, status_pb2

from vod_provider._version import __version__
from vod_provider.config.settings import MissingSettingsError
from vod_provider.plugin import engine_watch, names, native, schema, serving
from vod_provider.plugin.context import RunContext
from vod_provider.plugin.errors import PartialFailureError
from vod_provider.plugin.functions import Functions
from vod_provider.plugin.native import NativeProvider, Props
from vod_provider.vod.errors import VodError

URN = "urn:pulumi:dev::media::vod:index:ExtractedAudio::talk"
SET_URN = "urn:pulumi:dev::media::vod:index:ExtractedAudioSet::archive"
AUDIO: Props = {"audio_asset_id": "audio1", "status": "CREATED", "url": "http://there", "bit_rate": 96, "codec": None}


class Aborted(Exception):  # noqa: N818
    """What gRPC's abort raises."""


class Context:
    """A request's context, as gRPC gives one."""

    def __init__(self) -> None:
        self.trailing: tuple[tuple[str, bytes], ...] = ()

    def time_remaining(self) -> float:
        return 30.0

    def set_trailing_metadata(self, trailing: tuple[tuple[str, bytes], ...]) -> None:
        self.trailing = trailing

    def abort(self, _code: grpc.StatusCode, details: str) -> NoReturn:
        raise Aborted(details)


class Core:
    """Notes what it is asked, and answers what it is told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.before: dict[str, Props] = {}
        self.timeouts: dict[str, float] = {}
        self.config: Mapping[str, str] = {}
        self.error: Exception | None = None
        self.failures: list[CheckFailure] = []
        self.diffed = DiffResult(changes=False, replaces=[])
        self.detailed: dict[str, str] = {}

    def _note(self, *asked: Any) -> None:
        self.asked.append(asked)
        with serving.current_request() as served:
            self.timeouts[asked[0]] = served.operation.timeout
            if served.inputs_before is not None:
                self.before[asked[0]] = served.inputs_before()
        if self.error is not None:
            raise self.error

    def begin(self, context: RunContext) -> None:
        self.config = context.config

    def check(self, olds: Props, news: Props) -> CheckResult:
        self._note("check", olds, news)
        return CheckResult(news | {"format": "MP3"}, self.failures)

    def diff(self, id_: str, olds: Props, news: Props) -> DiffResult:
        self._note("diff", id_, olds, news)
        with serving.current_request() as served:
            served.detailed, served.stables = self.detailed, ("audio_asset_id",)
        return self.diffed

    def create(self, props: Props) -> CreateResult:
        self._note("create", props)
        return CreateResult("audio1", props | AUDIO)

    def read(self, id_: str, props: Props) -> ReadResult:
        self._note("read", id_, props)
        return ReadResult(id_ if props.get("status") != "GONE" else "", props | AUDIO)

    def update(self, id_: str, olds: Props, news: Props) -> UpdateResult:
        self._note("update", id_, olds, news)
        return UpdateResult(olds | news)

    def delete(self, id_: str, props: Props) -> None:
        self._note("delete", id_, props)

    def bring_in(self, audio_id: str, source: str | None, place: Mapping[str, str]) -> tuple[Props, Props]:
        self._note("bring_in", audio_id, source, place)
        return {"asset_id": source, **place, **AUDIO}, {"asset_id": source, **place}


@pytest.fixture
def core() -> Core:
    return Core()


@pytest.fixture
def provider(core: Core, monkeypatch: pytest.MonkeyPatch) -> NativeProvider:
    """A provider that the engine has configured."""
    monkeypatch.setattr(serving, "_session", None)
    one = NativeProvider(core, None, {"HOME": "/nowhere"})
    one.Configure(provider_pb2.ConfigureRequest(args=struct({"region": "cn-north-4"})), Context())
    return one


def struct(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    found = struct_pb2.Struct()
    found.update(properties)
    return found


def test_names_are_turned_both_ways(provider: NativeProvider, core: Core) -> None:
    """The engine's camelCase reaches the core in snake_case, and the answer goes back; what is None is left out."""
    asked = struct({"assetId": "video", "categoryId": 7, "triggers": [{"myKey": 1}]})
    answer = provider.Create(provider_pb2.CreateRequest(urn=URN, properties=asked), Context())
    assert core.asked == [("create", {"asset_id": "video", "category_id": 7, "triggers": [{"myKey": 1}]})]
    assert answer.id == "audio1"
    assert dict(answer.properties)["audioAssetId"] == "audio1"
    assert dict(answer.properties)["bitRate"] == 96
    assert answer.properties["triggers"][0]["myKey"] == 1
    assert "codec" not in answer.properties


def test_a_preview_asks_nobody(provider: NativeProvider, core: Core) -> None:
    """What VOD is going to tell is unknown, and what was asked for is known; the core is not asked."""
    request = provider_pb2.CreateRequest(urn=URN, properties=struct({"assetId": "video", "title": "T"}), preview=True)
    answer = provider.Create(request, Context())
    assert core.asked == []
    assert answer.properties["url"] == answer.properties["audioAssetId"] == rpc.UNKNOWN
    assert (answer.properties["assetId"], answer.properties["title"]) == ("video", "T")
    asked = struct({"assetId": rpc.UNKNOWN, "tags": ["one", rpc.UNKNOWN]})
    answer = provider.Create(provider_pb2.CreateRequest(urn=URN, properties=asked, preview=True), Context())
    assert answer.properties["assetId"] == rpc.UNKNOWN
    assert list(answer.properties["tags"]) == ["one", rpc.UNKNOWN]
    audios = struct({"audios": {"talk": {"assetId": "video"}}})
    answer = provider.Create(provider_pb2.CreateRequest(urn=SET_URN, properties=audios, preview=True), Context())
    assert dict(answer.properties) == {"extracted": rpc.UNKNOWN}
    assert core.asked == []


@pytest.mark.parametrize(
    ("status", "news", "url"),
    [
        ("CREATED", {"title": "New"}, "http://there"),
        ("CREATED", {"publish": True}, rpc.UNKNOWN),
        ("CREATING", {"title": "New"}, rpc.UNKNOWN),
    ],
)
def test_a_preview_of_an_update_says_what_may_change(
    provider: NativeProvider, core: Core, status: str, news: Props, url: str
) -> None:
    """A title changes nothing else; publishing may change the url; an unfinished audio is not known at all."""
    olds = struct({"status": status, "url": "http://there" if status == "CREATED" else "", "publish": False})
    request = provider_pb2.UpdateRequest(id="audio1", urn=URN, olds=olds, news=struct(news), preview=True)
    assert provider.Update(request, Context()).properties["url"] == url
    assert core.asked == []


def test_values_that_are_not_known_yet_reach_the_core_as_such(provider: NativeProvider, core: Core) -> None:
    """At a preview an input may be another resource's output."""
    from pulumi.output import Unknown

    provider.Check(provider_pb2.CheckRequest(urn=URN, news=struct({"assetId": rpc.UNKNOWN})), Context())
    request = provider_pb2.DiffRequest(id="a", urn=URN, olds=struct({}), news=struct({"assetId": rpc.UNKNOWN}))
    provider.Diff(request, Context())
    assert all(isinstance(asked[-1]["asset_id"], Unknown) for asked in core.asked)
    assert [asked[0] for asked in core.asked] == ["check", "diff"]


def test_a_check_speaks_of_the_schemas_names(provider: NativeProvider, core: Core) -> None:
    """The property that is wrong is named as the program has it."""
    core.failures = [CheckFailure("", "asset_id is missing")]
    answer = provider.Check(provider_pb2.CheckRequest(urn=URN, news=struct({})), Context())
    assert [it.reason for it in answer.failures] == ["assetId is missing"]
    assert dict(answer.inputs) == {"format": "MP3"}


def test_a_diff_speaks_of_the_schemas_names(provider: NativeProvider, core: Core) -> None:
    """What is replaced, why in detail, and what stays."""
    core.diffed, core.detailed = DiffResult(changes=True, replaces=["asset_id"]), {"asset_id": "UPDATE_REPLACE"}
    answer = provider.Diff(provider_pb2.DiffRequest(id="audio1", urn=URN, olds=struct({}), news=struct({})), Context())
    assert answer.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert list(answer.replaces) == ["assetId"]
    assert list(answer.detailedDiff) == ["assetId"]
    assert list(answer.stables) == ["audioAssetId"]


@pytest.mark.parametrize(
    ("olds", "changes"),
    [({"assetId": "v"}, False), ({"asset_id": "v"}, True), ({"assetId": "v", "__provider": "p"}, True)],
)
def test_a_state_of_the_dynamic_provider_is_written_anew(
    provider: NativeProvider, core: Core, olds: Props, changes: bool
) -> None:
    """Its names are not the schema's: an update that asks VOD for nothing gives them the schema's."""
    request = provider_pb2.DiffRequest(id="audio1", urn=URN, olds=struct(olds), news=struct({"assetId": "v"}))
    answer = provider.Diff(request, Context())
    assert core.asked == [("diff", "audio1", {"asset_id": "v"}, {"asset_id": "v"})]
    assert (answer.changes == provider_pb2.DiffResponse.DIFF_SOME) is changes
    assert not answer.replaces


def test_an_import_says_both_ids(provider: NativeProvider, core: Core) -> None:
    """A read without inputs is an import: VIDEO/AUDIO becomes the audio's id, and the inputs to declare."""
    answer = provider.Read(provider_pb2.ReadRequest(id="video/audio1", urn=URN), Context())
    assert core.asked == [("bring_in", "audio1", "video", {})]
    assert answer.id == "audio1"
    assert dict(answer.inputs) == {"assetId": "video"}
    provider.Read(provider_pb2.ReadRequest(id="audio1", urn=URN), Context())
    assert core.asked[1] == ("bring_in", "audio1", None, {})


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("video/audio1@region=eu-1,projectId=p,account=a", {"region": "eu-1", "project_id": "p", "account": "a"}),
        ("video/audio1@project_id=p", {"project_id": "p"}),
        ("video/audio1@ap-southeast-3", {"region": "ap-southeast-3"}),
        ("video/audio1@ap-southeast-3,account=a", {"region": "ap-southeast-3", "account": "a"}),
    ],
)
def test_an_import_says_where(provider: NativeProvider, core: Core, text: str, place: Mapping[str, str]) -> None:
    """What follows the '@' becomes inputs of the resource; a value without a name is a region."""
    answer = provider.Read(provider_pb2.ReadRequest(id=text, urn=URN), Context())
    assert core.asked == [("bring_in", "audio1", "video", place)]
    assert dict(answer.inputs) == {"assetId": "video"} | {names.camel(name): value for name, value in place.items()}


@pytest.mark.parametrize(
    "text",
    ["", "video/", "/audio1", "a/b/c", "a/b@", "a/b@region=", "a/b@format=AAC", "a/b@x,region=y", "a/b@region=x,,"],
)
def test_an_import_by_something_else_is_refused(provider: NativeProvider, core: Core, text: str) -> None:
    """One line has the whole form."""
    form = "expected VIDEO_ID/AUDIO_ID, and after an '@' any of region=REGION, projectId=PROJECT_ID, account=ACCOUNT"
    with pytest.raises(Aborted, match=re.escape(f"importing {text}: {form}")):
        provider.Read(provider_pb2.ReadRequest(id=text, urn=URN), Context())
    assert core.asked == []


def test_a_get_is_no_import(provider: NativeProvider, core: Core) -> None:
    """The engine sends inputs, however few, where a program reads an audio that it does not manage."""
    provider.Read(provider_pb2.ReadRequest(id="audio1", urn=URN, inputs=struct({}), properties=struct({})), Context())
    assert core.asked == [("read", "audio1", {})]


def test_a_refresh_brings_what_there_is(provider: NativeProvider, core: Core) -> None:
    """The outputs as they are now, in the schema's names, and the inputs as they were."""
    request = provider_pb2.ReadRequest(
        id="audio1", urn=URN, inputs=struct({"assetId": "video"}), properties=struct({"assetId": "video", "title": "T"})
    )
    answer = provider.Read(request, Context())
    assert core.asked == [("read", "audio1", {"asset_id": "video", "title": "T"})]
    assert answer.id == "audio1"
    assert (answer.properties["title"], answer.properties["url"]) == ("T", "http://there")
    assert dict(answer.inputs) == {"assetId": "video"}


def test_an_update_and_a_deletion_reach_the_core(provider: NativeProvider, core: Core) -> None:
    """With the state as it was; an update brings the outputs as they are now."""
    olds, news = struct({"assetId": "v", "title": "Old"}), struct({"assetId": "v", "title": "New"})
    answer = provider.Update(provider_pb2.UpdateRequest(id="audio1", urn=URN, olds=olds, news=news), Context())
    assert dict(answer.properties) == {"assetId": "v", "title": "New"}
    provider.Delete(provider_pb2.DeleteRequest(id="audio1", urn=URN, properties=olds), Context())
    old, new = {"asset_id": "v", "title": "Old"}, {"asset_id": "v", "title": "New"}
    assert core.asked == [("update", "audio1", old, new), ("delete", "audio1", old)]


def test_what_is_gone_has_no_id(provider: NativeProvider) -> None:
    """A refresh takes it out of the state."""
    request = provider_pb2.ReadRequest(id="a", urn=URN, inputs=struct({}), properties=struct({"status": "GONE"}))
    assert provider.Read(request, Context()).id == ""


def calls(urn: str) -> list[tuple[str, Any]]:
    """A request of each kind about one resource, by the name of its call."""
    olds = struct({"assetId": "v"})
    return [
        ("Check", provider_pb2.CheckRequest(urn=urn, olds=olds, news=olds)),
        ("Diff", provider_pb2.DiffRequest(id="a", urn=urn, olds=olds, news=olds, old_inputs=olds)),
        ("Create", provider_pb2.CreateRequest(urn=urn, properties=olds)),
        ("Read", provider_pb2.ReadRequest(id="a", urn=urn, properties=olds, inputs=olds)),
        ("Update", provider_pb2.UpdateRequest(id="a", urn=urn, olds=olds, news=olds, old_inputs=olds)),
        ("Delete", provider_pb2.DeleteRequest(id="a", urn=urn, properties=olds, old_inputs=olds)),
    ]


@pytest.mark.parametrize(
    ("urn", "whose"), [(URN, "audios"), (SET_URN, "sets"), (SET_URN.replace("vod:", "a:b:C$vod:"), "sets")]
)
def test_each_type_has_a_core_of_its_own(core: Core, urn: str, whose: str) -> None:
    """Every call about a set goes to the provider of sets, within a component, too; others to the one of audios."""
    sets = Core()
    provider = NativeProvider(core, None, {"HOME": "/nowhere"}, sets=sets)
    provider.Configure(provider_pb2.ConfigureRequest(args=struct({"region": "cn-north-4"})), Context())
    for name, request in calls(urn):
        getattr(provider, name)(request, Context())
    asked = {"audios": core.asked, "sets": sets.asked}
    assert [it[0] for it in asked.pop(whose)] == ["check", "diff", "create", "read", "update", "delete"]
    assert list(asked.values()) == [[]]
    assert core.config == sets.config


def test_what_the_user_allows_is_for_what_asks_vod(provider: NativeProvider, core: Core) -> None:
    """`customTimeouts` come with a create, a read, an update and a delete; the engine sets none for all else."""
    for name, request in calls(URN):
        if hasattr(request, "timeout"):
            request.timeout = 7
        getattr(provider, name)(request, Context())
    assert core.timeouts == {"check": 0, "diff": 0, "create": 7, "read": 7, "update": 7, "delete": 7}


def test_the_core_may_ask_for_the_inputs_before(provider: NativeProvider, core: Core) -> None:
    """Those that were saved with the state, where the request has any: a set needs them to know its entries."""
    for name, request in calls(URN):
        getattr(provider, name)(request, Context())
    assert core.before == {
        "check": {},
        "diff": {"asset_id": "v"},
        "create": {},
        "read": {"asset_id": "v"},
        "update": {"asset_id": "v"},
        "delete": {"asset_id": "v"},
    }


def test_every_call_is_answered_with_the_message_of_the_protocol(provider: NativeProvider) -> None:
    """Else gRPC would fail the call without any word of what is wrong."""
    requests = [
        ("Handshake", provider_pb2.ProviderHandshakeRequest()),
        ("GetPluginInfo", empty_pb2.Empty()),
        ("GetSchema", provider_pb2.GetSchemaRequest()),
        ("CheckConfig", provider_pb2.CheckRequest()),
        ("DiffConfig", provider_pb2.DiffRequest()),
        ("Configure", provider_pb2.ConfigureRequest()),
        *calls(URN),
        ("Cancel", empty_pb2.Empty()),
    ]
    service = provider_pb2.DESCRIPTOR.services_by_name["ResourceProvider"]
    for name, request in requests:
        answer = getattr(provider, name)(request, Context())
        assert service.methods_by_name[name].output_type == answer.DESCRIPTOR, name


def test_the_engine_is_told_the_version_and_what_it_may_send(provider: NativeProvider) -> None:
    """Values come in clear and without references to others; creates and updates are previewed."""
    assert provider.GetPluginInfo(empty_pb2.Empty(), Context()).version == __version__
    answer = provider.Configure(provider_pb2.ConfigureRequest(), Context())
    assert {field.name for field, _ in answer.ListFields()} == {"supportsPreview"}


def test_a_function_answers_in_the_schemas_names(provider: NativeProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    """One asset, or all that fit."""
    found = {"asset_id": "v", "pack_type": "MP4", "duration": None}
    monkeypatch.setattr(Functions, "media_asset", lambda _, args: found | args)
    monkeypatch.setattr(Functions, "media_assets", lambda _, args: [found, found | args])
    one = provider.Invoke(
        provider_pb2.InvokeRequest(tok=schema.GET_MEDIA_ASSET, args=struct({"assetId": "w"})), Context()
    )
    assert dict(getattr(one, "return")) == {"assetId": "w", "packType": "MP4"}
    request = provider_pb2.InvokeRequest(tok=schema.GET_MEDIA_ASSETS, args=struct({"assetId": "w"}))
    assets = getattr(provider.Invoke(request, Context()), "return")["assets"]
    assert [dict(it) for it in assets] == [{"assetId": it, "packType": "MP4"} for it in ("v", "w")]


def test_an_error_speaks_of_the_schemas_names_but_quotes_as_it_is(provider: NativeProvider, core: Core) -> None:
    """What VOD has said stands in quotes, and is VOD's own."""
    core.error = VodError('extracting: VOD answered 400 "asset_id is wrong"; check asset_id')
    with pytest.raises(Aborted) as aborted:
        provider.Create(provider_pb2.CreateRequest(urn=URN, properties=struct({})), Context())
    assert str(aborted.value) == 'extracting: VOD answered 400 "asset_id is wrong"; check assetId'


def test_missing_settings_say_what_cannot_arrive(provider: NativeProvider, core: Core) -> None:
    """Whoever has set huaweicloud:* for another provider learns why that is not enough here."""
    core.error = MissingSettingsError("no credentials: run something")
    with pytest.raises(Aborted, match=r"no credentials: run something; those of huaweicloud:\* do not reach this"):
        provider.Create(provider_pb2.CreateRequest(urn=URN, properties=struct({})), Context())


def test_a_partial_failure_keeps_what_there_is(provider: NativeProvider, core: Core) -> None:
    """The engine is given the id, the outputs in the schema's names, and the inputs."""
    core.error = PartialFailureError("not ready", "audio1", AUDIO)
    context = Context()
    with pytest.raises(Aborted):
        provider.Create(provider_pb2.CreateRequest(urn=URN, properties=struct({"assetId": "v"})), context)
    told = provider_pb2.ErrorResourceInitFailed()
    assert status_pb2.Status.FromString(context.trailing[0][1]).details[0].Unpack(told)
    assert (told.id, told.properties["audioAssetId"], list(told.reasons)) == ("audio1", "audio1", ["not ready"])
    assert dict(told.inputs) == {"assetId": "v"}


def test_settings_come_in_clear_by_their_full_names(core: Core) -> None:
    """Objects are JSON, secrets are opened, and what the engine adds for itself is no setting."""
    secret = {rpc._special_sig_key: rpc._special_secret_sig, "value": "s3cret"}
    args = struct(
        {"secretKey": secret, "quotas": {"extract": 5}, "version": "0.1.0", "pluginDownloadURL": "u", "debug": True}
    )
    NativeProvider(core, None, {}).Configure(provider_pb2.ConfigureRequest(args=args), Context())
    assert core.config["vod:secretKey"] == "s3cret"
    assert json.loads(core.config["vod:quotas"]) == {"extract": 5}
    assert core.config["vod:debug"] == "true"
    assert core.config.keys() == {"vod:secretKey", "vod:quotas", "vod:debug"}


def test_a_wrong_setting_is_refused_before_it_is_used(provider: NativeProvider) -> None:
    """What is no setting is; a setting that is not known yet is not looked at; all pass as they came."""
    news = struct({"regoin": "x", "version": "0.1.0"})
    answer = provider.CheckConfig(provider_pb2.CheckRequest(urn="urn:pulumi:dev::media::x::y", news=news), Context())
    assert ["vod:regoin" in it.reason for it in answer.failures] == [True]
    assert answer.inputs == news
    assert not provider.CheckConfig(provider_pb2.CheckRequest(news=struct({})), Context()).failures, "keys come later"
    nobodys = provider.CheckConfig(provider_pb2.CheckRequest(news=news), Context())
    assert nobodys.failures == answer.failures
    unknown = struct({"regoin": "x", "region": rpc.UNKNOWN})
    assert not provider.CheckConfig(provider_pb2.CheckRequest(urn="u", news=unknown), Context()).failures
    own = provider_pb2.CheckRequest(urn="urn:pulumi:dev::vod::x::y", news=news)
    assert not provider.CheckConfig(own, Context()).failures, "in a project of that name they are the program's own"


def test_rotated_keys_count_and_replace_nothing(provider: NativeProvider) -> None:
    """The engine goes on with the old settings where nothing is said to differ."""
    old = struct({"accessKey": "one"})
    kinds = provider_pb2.DiffResponse
    for new, changes in (({"accessKey": "two"}, kinds.DIFF_SOME), ({"accessKey": "one"}, kinds.DIFF_NONE)):
        told = provider_pb2.DiffRequest(old_inputs=old, olds=struct({"accessKey": "zero"}), news=struct(new))
        of_older = provider_pb2.DiffRequest(olds=old, news=struct(new))  # an engine that does not tell the inputs
        for request in (told, of_older):
            answer = provider.DiffConfig(request, Context())
            assert answer.changes == changes
            assert not answer.replaces
            assert not answer.deleteBeforeReplace


def test_cancel_stops_what_waits(provider: NativeProvider) -> None:
    """Ctrl-C ends all waiting."""
    provider.Cancel(None, Context())
    assert serving.stop().called


def test_it_ends_with_its_engine(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever way the engine tells its address, it is watched, once; when it is gone, all waiting ends."""
    watched: list[str] = []
    gone: list[Callable[[], None]] = []

    def end_without(engine: str, stop: Callable[[], None]) -> None:
        watched.append(engine)
        gone.append(stop)

    monkeypatch.setattr(serving, "_session", None)
    monkeypatch.setattr(engine_watch, "end_without", end_without)
    unknown = NativeProvider(core, None, {})
    unknown.watch()
    assert watched == []
    attached = unknown.Attach(plugin_pb2.PluginAttach(address="127.0.0.1:5"), Context())
    assert isinstance(attached, empty_pb2.Empty)
    assert watched == ["127.0.0.1:5"]
    unknown.watch()
    NativeProvider(core, None, {}).Handshake(
        provider_pb2.ProviderHandshakeRequest(engine_address="127.0.0.1:6"), Context()
    )
    NativeProvider(core, "127.0.0.1:7", {}).Handshake(provider_pb2.ProviderHandshakeRequest(), Context())
    assert watched == ["127.0.0.1:5", "127.0.0.1:6", "127.0.0.1:7"]
    gone[0]()  # before it is configured nothing waits
    unknown.Configure(provider_pb2.ConfigureRequest(args=struct({})), Context())
    assert len(watched) == 3
    assert not serving.stop().called
    gone[0]()
    assert serving.stop().called


class Server:
    """Notes what is done with a gRPC server."""

    def __init__(self, done: list[str], pool: object, options: Sequence[tuple[str, int]]) -> None:
        self._done, self.options = done, dict(options)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """What registers handlers."""
        return lambda *_: self._done.append(name) if "handlers" in name else None

    def add_insecure_port(self, address: str) -> int:
        assert address == "127.0.0.1:0"
        return 50_123

    def start(self) -> None:
        self._done.append("started")

    def stop(self, grace: float) -> Server:
        assert grace == engine_watch.GRACE_S
        self._done.append("stopped")
        return self

    def wait(self) -> None:
        self._done.append("over")


class Told(io.StringIO):
    """A standard output that notes what has left."""

    def __init__(self, done: list[str]) -> None:
        super().__init__()
        self._done = done

    def flush(self) -> None:
        self._done.append(self.getvalue())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_ended(core: Core, monkeypatch: pytest.MonkeyPatch, number: signal.Signals) -> None:
    """It tells its port once it serves, on loopback; when it is ended, calls have time to note what they know."""
    done: list[str] = []
    servers: list[Server] = []
    handlers: dict[int, Callable[..., object]] = {}

    def server(pool: object, options: Sequence[tuple[str, int]]) -> Server:
        servers.append(Server(done, pool, options))
        return servers[0]

    class Ended(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            done.append("waits")
            handlers[number](number, None)
            assert self.is_set()
            return True

    monkeypatch.setattr(grpc, "server", server)
    monkeypatch.setattr(signal, "signal", handlers.__setitem__)
    monkeypatch.setattr(sys, "stdout", Told(done))
    monkeypatch.setattr(engine_watch, "end_without", lambda engine, _: done.append(f"ends without {engine}"))
    monkeypatch.setattr(NativeProvider, "end", lambda _: done.append("told to end"))
    with monkeypatch.context() as patched:
        patched.setattr(threading, "Event", Ended)
        native.serve(core, core, ["-tracing", "127.0.0.1:5"])
    registered = [it for it in done if "handlers" in it]
    assert registered
    assert [it for it in done if it not in registered] == [
        "ends without 127.0.0.1:5",
        "started",
        "50123\n",
        "waits",
        "told to end",
        "stopped",
        "over",
    ]
    # The engine's own limit: a set of tens of thousands of audios is one message.
    sizes = {name: size for name, size in servers[0].options.items() if name.endswith("message_length")}
    assert list(sizes.values()) == [400 << 20] * 2


def test_the_schema_says_where_the_plugin_is_to_be_had(
    provider: NativeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the releases of the repository that the distribution names; of one that names none, nothing is said."""
    distribution = Message()
    monkeypatch.setattr(native, "metadata", lambda _: distribution)

    def told() -> str | None:
        answer = provider.GetSchema(provider_pb2.GetSchemaRequest(), Context())
        url: str | None = json.loads(answer.schema).get("pluginDownloadURL")
        return url

    assert told() is None
    distribution["Project-URL"] = "Documentation, https://there/docs"
    assert told() is None
    distribution["Project-URL"] = "Repository, https://there/repository"
    assert told() == "https://there/repository/releases/download/v${VERSION}"


def test_nothing_is_served_before_it_is_configured(core: Core) -> None:
    """An engine that asks too early is told so."""
    with pytest.raises(VodError, match="configured"):
        NativeProvider(core, None, {}).Create(provider_pb2.CreateRequest(), Context())


def test_an_unknown_function_is_named(provider: NativeProvider) -> None:
    """A schema of another version may have functions that this plugin does not have."""
    with pytest.raises(Aborted, match="vod:index:other"):
        provider.Invoke(provider_pb2.InvokeRequest(tok="vod:index:other"), Context())


def test_what_is_in_a_set_has_names_too_and_its_keys_are_somebodys_own() -> None:
    """Of entries and of what is in them, but never of a key."""
    declared = {"audios": {"talk_a": {"asset_id": "v", "triggers": [{"my_key": 1}]}}, "category_id": 1}
    assert names.to_camel(declared) == {
        "audios": {"talk_a": {"assetId": "v", "triggers": [{"my_key": 1}]}},
        "categoryId": 1,
    }
    assert names.to_snake(names.to_camel(declared)) == declared
    wrong = {"audios": {"talk_a": "video", "talk_b": None}}
    assert names.to_snake(wrong) == wrong, "what is no audio is refused as it was written"
    held: dict[str, Any] = {"extracted": {"a_b": {"made_from": {"asset_id": "v"}, "holds": {"category_id": 2}}}}
    held |= {"drifted": {"a_b": {"category_id": 2}}, "unready": {"a_b": "CREATING"}}
    assert names.to_camel(held) == {
        "extracted": {"a_b": {"madeFrom": {"assetId": "v"}, "holds": {"categoryId": 2}}},
        "drifted": {"a_b": {"categoryId": 2}},
        "unready": {"a_b": "CREATING"},
    }
    made = {"a_b": {"made_from": {"asset_id": "v"}}}
    turned = {"a_b": {"madeFrom": {"assetId": "v"}}}
    apart = {"apart": {"extracted": made, "superseded": {"id": {"asset_id": "v"}}}}
    as_secret = {"apart": rpc.wrap_rpc_secret(apart["apart"])}
    expected = {"extracted": turned, "superseded": {"id": {"assetId": "v"}}}
    assert names.to_camel(apart) == {"apart": expected}
    assert names.to_camel(as_secret) == {"apart": rpc.wrap_rpc_secret(expected)}
    assert names.to_snake(names.to_camel(apart)) == apart
    assert names.camel_path('audios["a_b\\"_c"].category_id') == 'audios["a_b\\"_c"].categoryId'
    assert names.camel_path('drifted["a_b"].category_id') == 'drifted["a_b"].categoryId'

"""The native plugin's side of Pulumi's protocol: names, settings, previews, imports, errors."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

import grpc
import pytest
from google.protobuf import struct_pb2
from pulumi.dynamic import CheckFailure, CheckResult, CreateResult, DiffResult, ReadResult, UpdateResult
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2, status_pb2

from vod_provider.config.settings import MissingSettingsError
from vod_provider.plugin import names, serving
from vod_provider.plugin.context import RunContext
from vod_provider.plugin.errors import PartialFailureError
from vod_provider.plugin.native import NativeProvider, Props
from vod_provider.vod.errors import VodError

URN = "urn:pulumi:dev::media::vod:index:ExtractedAudio::talk"
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
        self.config: Mapping[str, str] = {}
        self.error: Exception | None = None
        self.failures: list[CheckFailure] = []
        self.diffed = DiffResult(changes=False, replaces=[])
        self.detailed: dict[str, str] = {}

    def _note(self, *asked: Any) -> None:
        self.asked.append(asked)
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
    assert "codec" not in answer.properties


def test_a_preview_asks_nobody(provider: NativeProvider, core: Core) -> None:
    """What VOD is going to tell is unknown, and what was asked for is known; the core is not asked."""
    request = provider_pb2.CreateRequest(urn=URN, properties=struct({"assetId": "video", "title": "T"}), preview=True)
    answer = provider.Create(request, Context())
    assert core.asked == []
    assert answer.properties["url"] == answer.properties["audioAssetId"] == rpc.UNKNOWN
    assert (answer.properties["assetId"], answer.properties["title"]) == ("video", "T")


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
    assert isinstance(core.asked[0][2]["asset_id"], Unknown)


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


@pytest.mark.parametrize(("olds", "changes"), [({"assetId": "v"}, False), ({"asset_id": "v", "__provider": "p"}, True)])
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


def test_what_is_gone_has_no_id(provider: NativeProvider) -> None:
    """A refresh takes it out of the state."""
    request = provider_pb2.ReadRequest(id="a", urn=URN, inputs=struct({}), properties=struct({"status": "GONE"}))
    assert provider.Read(request, Context()).id == ""


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
    unknown = struct({"regoin": "x", "region": rpc.UNKNOWN})
    assert not provider.CheckConfig(provider_pb2.CheckRequest(urn="u", news=unknown), Context()).failures
    own = provider_pb2.CheckRequest(urn="urn:pulumi:dev::vod::x::y", news=news)
    assert not provider.CheckConfig(own, Context()).failures, "in a project of that name they are the program's own"


def test_rotated_keys_count_and_replace_nothing(provider: NativeProvider) -> None:
    """The engine goes on with the old settings where nothing is said to differ."""
    old = struct({"accessKey": "one"})
    kinds = provider_pb2.DiffResponse
    for new, changes in (({"accessKey": "two"}, kinds.DIFF_SOME), ({"accessKey": "one"}, kinds.DIFF_NONE)):
        request = provider_pb2.DiffRequest(old_inputs=old, olds=old, news=struct(new))
        answer = provider.DiffConfig(request, Context())
        assert answer.changes == changes
        assert not answer.replaces
        assert not answer.deleteBeforeReplace


def test_cancel_stops_what_waits(provider: NativeProvider) -> None:
    """Ctrl-C ends all waiting."""
    provider.Cancel(None, Context())
    assert serving.stop().called


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

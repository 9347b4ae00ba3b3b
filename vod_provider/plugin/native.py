"""The native plugin: `pulumirpc.ResourceProvider` over gRPC, for programs in every language.

It serves what the dynamic provider serves, by the same core and through the same `serving`. What differs is here: names
(see `names`), the schema, the configuration of a provider, previews of creates, imports, and the two functions. Of a
state that a Python program with the dynamic provider has left, it takes over what is there: the names in it are
snake_case, and its `__provider` goes.

Protocol: `proto/pulumi/provider.proto` of Pulumi. `pulumi.provider.experimental` is not used: it knows no partial
failure, and answers errors with tracebacks.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from importlib.metadata import PackageNotFoundError, metadata
from typing import Any, NoReturn, Protocol

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ReadResult, UpdateResult
from pulumi.output import Unknown
from pulumi.runtime import rpc
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from vod_provider._version import __version__
from vod_provider.config import settings
from vod_provider.plugin import engine_watch, import_id, names, schema, serving
from vod_provider.plugin.context import RunContext
from vod_provider.plugin.errors import PartialFailureError, RequestError
from vod_provider.plugin.functions import Functions
from vod_provider.plugin.owner import SET_TYPES
from vod_provider.plugin.properties import deserialized
from vod_provider.plugin.serving import Session
from vod_provider.vod.assets import Condition, condition
from vod_provider.workers import WorkerPool

Props = dict[str, Any]

MESSAGE_BYTES = 400 * 1024 * 1024
"""The largest message that is taken or sent: the engine's own limit."""
CALLS = 16_384
"""Calls served at once, at most: the engine sends as many as its `--parallel` says."""
NOT_SETTINGS = frozenset(["version", "pluginDownloadURL"])
"""What the engine puts beside a provider's settings: how it finds the plugin."""
_UNKNOWN: Any = Unknown()  # type: ignore[no-untyped-call]
_UNCONFIGURED = "the engine asks before it has configured the provider"
_TOLD_BY_VOD = frozenset(one.name for one in schema.OUTPUTS)
_SET_UNKNOWN = {"extracted": _UNKNOWN}
_translated = names.Translator(schema.names())


class SetCore(Protocol):
    """What serves a resource, by the names within this package: `set_provider.ExtractedAudioSetProvider`."""

    def begin(self, context: RunContext) -> None: ...
    def check(self, olds: Props, news: Props) -> CheckResult: ...
    def diff(self, id_: str, olds: Props, news: Props, /) -> DiffResult: ...
    def create(self, props: Props) -> CreateResult: ...
    def read(self, id_: str, props: Props) -> ReadResult: ...
    def update(self, id_: str, olds: Props, news: Props) -> UpdateResult: ...
    def delete(self, id_: str, props: Props, /) -> None: ...


class Core(SetCore, Protocol):
    """The same of `provider.ExtractedAudioProvider`, whose resource can be imported."""

    def bring_in(self, audio_id: str, source: str | None, place: Mapping[str, str]) -> tuple[Props, Props]: ...


class NativeProvider(provider_pb2_grpc.ResourceProviderServicer):
    """Serves one provider: the default one of a stack, or an explicit one; each is a process of its own."""

    def __init__(
        self,
        core: Core,
        engine: str | None,
        environ: Mapping[str, str] = os.environ,
        *,
        sets: SetCore | None = None,
    ) -> None:
        self._core, self._sets, self._environ, self._engine = core, sets or core, environ, engine
        self._session: Session | None = None
        self._functions: Functions | None = None
        self._opening = threading.Lock()
        self._watches = False

    # -- the plugin itself -----------------------------------------------------------------------------------

    def Handshake(self, request: Any, context: Any) -> Any:
        self._engine = request.engine_address or self._engine
        self.watch()
        return provider_pb2.ProviderHandshakeResponse()

    def Attach(self, request: Any, context: Any) -> Any:
        self._engine = request.address
        self.watch()
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=__version__)

    def GetSchema(self, request: Any, context: Any) -> Any:
        return provider_pb2.GetSchemaResponse(schema=json.dumps(schema.schema(_download_url())))

    def CheckConfig(self, request: Any, context: Any) -> Any:
        """Refuse settings that cannot be, once all of them are known."""
        given, unknown = _settings(request.news)
        failures = []
        if not unknown:
            try:
                settings.load(given, self._environ_of(request.urn), offline=True)
            except settings.SettingsError as error:
                failures = [provider_pb2.CheckFailure(reason=_translated(str(error)))]
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        """Whatever differs counts, and nothing replaces the provider.

        The engine keeps to the old settings for the whole run where nothing is said to differ, and replaces every
        resource of a provider that is replaced.
        """
        differs = dict(request.old_inputs or request.olds) != dict(request.news)
        kinds = provider_pb2.DiffResponse
        return provider_pb2.DiffResponse(changes=kinds.DIFF_SOME if differs else kinds.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:
        given, _ = _settings(request.args)
        with self._opening:
            debug = given.get("vod:debug", "").lower() == "true"
            session = Session(self._engine, debug=debug, environ=self._environ, wording=_translated, watches=False)
            self._session = serving.open_session(session)
            self._functions = Functions(given, self._environ, session.stop)
            context = RunContext(given)
            for core in {id(it): it for it in (self._core, self._sets)}.values():
                core.begin(context)
        return provider_pb2.ConfigureResponse(
            acceptSecrets=False, supportsPreview=True, acceptResources=False, acceptOutputs=False
        )

    def Cancel(self, request: Any, context: Any) -> Any:
        if self._session is not None:
            self._session.cancel(context)
        return empty_pb2.Empty()

    def watch(self) -> None:
        """End with the engine from now on, if its address is known: some processes are never configured."""
        with self._opening:
            if self._engine is None or self._watches:
                return
            self._watches = True
        engine_watch.end_without(self._engine, self.end)

    def end(self) -> None:
        """Have whatever is under way end soon."""
        if self._session is not None:
            self._session.stop()

    # -- the resource ----------------------------------------------------------------------------------------

    def Check(self, request: Any, context: Any) -> Any:
        def check() -> Any:
            result = self._of(request.urn).check(_properties(request.olds), _properties(request.news, unknown=True))
            failures = [
                provider_pb2.CheckFailure(property=names.camel(it.property), reason=_translated(it.reason))
                for it in result.failures
            ]
            return provider_pb2.CheckResponse(inputs=_struct(result.inputs), failures=failures)

        return self._serve(request, context, check)

    def Diff(self, request: Any, context: Any) -> Any:
        def diff() -> Any:
            olds = _properties(request.olds)
            result = self._of(request.urn).diff(request.id, olds, _properties(request.news, unknown=True))
            kinds = provider_pb2.DiffResponse
            changes = bool(result.changes) or _is_of_dynamic(request.olds)
            response = provider_pb2.DiffResponse(
                changes=kinds.DIFF_SOME if changes else kinds.DIFF_NONE,
                replaces=[names.camel(name) for name in result.replaces or ()],
                deleteBeforeReplace=bool(result.delete_before_replace),
            )
            with serving.current_request() as served:
                served.detailed = {names.camel_path(it): kind for it, kind in served.detailed.items()}
                served.of_inputs = tuple(names.camel(name) for name in served.of_inputs)
                served.stables = tuple(names.camel(name) for name in served.stables)
                served.explain(response)
            return response

        return self._serve(request, context, diff)

    def Create(self, request: Any, context: Any) -> Any:
        def create() -> Any:
            if request.preview:
                props = _properties(request.properties, unknown=True)
                if _is_set(request.urn):
                    return provider_pb2.CreateResponse(properties=_struct(_SET_UNKNOWN))
                unknown = dict.fromkeys(_TOLD_BY_VOD - props.keys(), _UNKNOWN)
                return provider_pb2.CreateResponse(properties=_struct(props | unknown))
            result = self._of(request.urn).create(_properties(request.properties))
            return provider_pb2.CreateResponse(id=result.id, properties=_struct(result.outs))

        return self._serve(request, context, create)

    def Read(self, request: Any, context: Any) -> Any:
        """Read for a refresh or for a program's `get`; without any inputs, for an import."""

        def read() -> Any:
            if not request.HasField("inputs") and not request.properties.fields and not _is_set(request.urn):
                named = import_id.parse(request.id)
                outs, asked = self._core.bring_in(*named)
                return provider_pb2.ReadResponse(id=named.audio_id, properties=_struct(outs), inputs=_struct(asked))
            result = self._of(request.urn).read(request.id, _properties(request.properties))
            if not result.id:
                return provider_pb2.ReadResponse()
            asked = _properties(request.inputs)
            return provider_pb2.ReadResponse(id=result.id, properties=_struct(result.outs), inputs=_struct(asked))

        return self._serve(request, context, read)

    def Update(self, request: Any, context: Any) -> Any:
        def update() -> Any:
            olds = _properties(request.olds)
            news = _properties(request.news, unknown=request.preview)
            if request.preview:
                foreseen = _SET_UNKNOWN if _is_set(request.urn) else _foreseen(olds, news)
                return provider_pb2.UpdateResponse(properties=_struct(foreseen))
            result = self._of(request.urn).update(request.id, olds, news)
            return provider_pb2.UpdateResponse(properties=_struct(result.outs))

        return self._serve(request, context, update)

    def Delete(self, request: Any, context: Any) -> Any:
        def delete() -> Any:
            self._of(request.urn).delete(request.id, _properties(request.properties))
            return empty_pb2.Empty()

        return self._serve(request, context, delete)

    # -- functions -------------------------------------------------------------------------------------------

    def Invoke(self, request: Any, context: Any) -> Any:
        def invoke() -> Any:
            args = _properties(request.args)
            if self._functions is None:
                raise RequestError(_UNCONFIGURED)
            if request.tok == schema.GET_MEDIA_ASSET:
                answer = self._functions.media_asset(args)
            elif request.tok == schema.GET_MEDIA_ASSETS:
                answer = {"assets": [_named(it) for it in self._functions.media_assets(args)]}
            else:
                raise RequestError(f"there is no function {request.tok}")
            response = provider_pb2.InvokeResponse()
            getattr(response, "return").CopyFrom(_struct(answer))
            return response

        return self._serve(request, context, invoke)

    # -- requests --------------------------------------------------------------------------------------------

    def _serve(self, request: Any, context: Any, answer: Callable[[], Any]) -> Any:
        """What `answer` makes of a request; or its error, in one line and in the schema's names."""
        session = self._session
        if session is None:
            raise RequestError(_UNCONFIGURED)
        with session.serve(getattr(request, "urn", ""), getattr(request, "timeout", 0.0)) as served:
            served.inputs_before = partial(_inputs_before, request)
            try:
                return answer()
            except settings.MissingSettingsError as error:
                beside = "those of huaweicloud:* do not reach this plugin"
                self._fail(session, request, context, settings.MissingSettingsError(f"{error}; {beside}"))
            except Exception as error:  # noqa: BLE001 - it becomes the answer
                self._fail(session, request, context, error)

    def _fail(self, session: Session, request: Any, context: Any, error: Exception) -> NoReturn:
        def described(partial: PartialFailureError) -> provider_pb2.ErrorResourceInitFailed:
            asked = getattr(request, "news", None) or request.properties
            return provider_pb2.ErrorResourceInitFailed(id=partial.id, properties=_struct(partial.outs), inputs=asked)

        session.fail(context, error, described)

    def _of(self, urn: str) -> SetCore:
        """What serves the resource of that URN."""
        return self._sets if _is_set(urn) else self._core

    def _environ_of(self, urn: str) -> Mapping[str, str]:
        """The environment, with the name of the project: in one that is called 'vod', not every setting is ours."""
        parts = urn.split("::")
        return {**self._environ, "PULUMI_PROJECT": parts[1]} if len(parts) > 1 else self._environ


def _is_set(urn: str) -> bool:
    """Whether it is the URN of a set of audios."""
    parts = urn.split("::", 3)
    return len(parts) > 2 and parts[2].rpartition("$")[2] in SET_TYPES


def _inputs_before(request: Any) -> Props:
    """The inputs that were saved with the state; none for a request without."""
    for name in ("old_inputs", "inputs"):
        given = getattr(request, name, None)
        if given is not None:
            return _properties(given, unknown=True)
    return {}


def _download_url() -> str:
    """Where releases of this plugin are, made of the address in the distribution's metadata; '' where it has none."""
    with suppress(PackageNotFoundError):
        for line in metadata("pulumi-huaweicloud-vod").get_all("Project-URL") or ():
            name, _, url = line.partition(", ")
            if name == "Repository":
                return f"{url}/releases/download/v${{VERSION}}"
    return ""


def _is_of_dynamic(olds: struct_pb2.Struct) -> bool:
    """Whether the dynamic provider has left this state, whose names are not the schema's."""
    return any("_" in name for name in olds.fields)


def _foreseen(olds: Props, news: Props) -> Props:
    """What an update is going to leave, as far as that is known before."""
    found = {name: value for name, value in olds.items() if name in _TOLD_BY_VOD} | news
    if condition(str(olds.get("status", "")), has_file=bool(olds.get("url"))) is not Condition.WELL:
        return found | dict.fromkeys(_TOLD_BY_VOD - news.keys() - {"audio_asset_id"}, _UNKNOWN)
    if news.get("publish", olds.get("publish")) != olds.get("publish"):
        return found | {"status": _UNKNOWN, "url": _UNKNOWN}
    return found


def _settings(given: struct_pb2.Struct) -> tuple[dict[str, str], bool]:
    """A provider's settings as those of a stack: by full name, objects as JSON; and whether one is not known yet."""
    found = rpc.deserialize_properties_unwrap_secrets(given, True)[0]
    texts, unknown = {}, False
    for name, value in found.items():
        if name.startswith("__") or name in NOT_SETTINGS or value is None:
            continue
        if isinstance(value, Unknown):
            unknown = True
        else:
            plain = rpc.unwrap_rpc_secret(value)
            texts[f"{schema.PACKAGE}:{name}"] = plain if isinstance(plain, str) else json.dumps(plain)
    return texts, unknown


def _properties(struct: struct_pb2.Struct, *, unknown: bool = False) -> Props:
    """Properties as the core knows them. What is not known is `Unknown` where that may be, else left out."""
    found = deserialized(struct, keep_unknowns=unknown)
    return names.to_snake(
        {
            name: rpc.unwrap_rpc_secret(value)
            for name, value in found.items()
            if not name.startswith("__") and value is not None
        }
    )


def _struct(properties: Mapping[str, Any] | None) -> struct_pb2.Struct:
    """Properties as the engine knows them. None is left out: a state has as little of it as it can."""
    struct = struct_pb2.Struct()
    struct.update({name: _plain(value) for name, value in _named(properties or {}).items()})
    return struct


def _named(properties: Mapping[str, Any]) -> Props:
    return names.to_camel({name: value for name, value in properties.items() if value is not None})


def _plain(value: Any) -> Any:
    if isinstance(value, Unknown):
        return rpc.UNKNOWN
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value


def serve(core: Core, sets: SetCore, arguments: Sequence[str]) -> None:
    """Serve until the engine ends this process, or is gone. `arguments`: the engine's address, where it tells it."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    engine = next((it for it in arguments if not it.startswith("-")), None)
    provider = NativeProvider(core, engine, sets=sets)
    provider.watch()
    options = [("grpc.max_receive_message_length", MESSAGE_BYTES), ("grpc.max_send_message_length", MESSAGE_BYTES)]
    server = grpc.server(WorkerPool(CALLS, "vod-call"), options=options)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    ended.wait()
    provider.end()
    server.stop(engine_watch.GRACE_S).wait()

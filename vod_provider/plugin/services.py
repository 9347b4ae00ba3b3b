"""Everything that talks to VOD, put together from the settings. Loads HTTP and SQL; shared by all resources."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from vod_provider.audio import inputs
from vod_provider.audio.ledger import Ledger
from vod_provider.audio.ledger_records import Holder, Key
from vod_provider.audio.lifecycle import Asked, Lifecycle
from vod_provider.audio.operation import Operation
from vod_provider.audio.place import Place
from vod_provider.audio.recovery import Recovery
from vod_provider.config import settings
from vod_provider.config.ledger_location import LedgerFile
from vod_provider.config.settings import Settings, SettingsError
from vod_provider.plugin.event_listener import Listener
from vod_provider.plugin.owner import backend, owner_now
from vod_provider.vod.assets import Asset, Outcome
from vod_provider.vod.client import Client
from vod_provider.vod.connection import CONNECTIONS
from vod_provider.vod.deadline import Deadline, Stop
from vod_provider.vod.pacing.batches import Batches
from vod_provider.vod.pacing.poller import Poller
from vod_provider.vod.transport import Transport


def open_ledger(
    base: Settings, environ: Mapping[str, str], owners: str, warn: Callable[[str], None], run: str = ""
) -> Ledger:
    """The ledger of the stack whose owners begin with `owners`. Raises SettingsError and LedgerError.

    `run` is what all plugins of one run of the engine have in common.
    """
    location = base.ledger
    if isinstance(location, LedgerFile):
        return Ledger(location.path, warn=warn, owner_now=partial(owner_now, environ), run=run)
    from vod_provider.audio import ledger_store

    stack = owners or f"{backend(environ)} {environ.get('PULUMI_PROJECT', '')}/{environ.get('PULUMI_STACK', '')}"
    store = ledger_store.opened(location, stack, credentials=base.credentials, region=base.region, warn=warn)
    return Ledger(None, store=store, run=run)


class Services:
    """One lifecycle for each place, made when first asked for, over one ledger."""

    def __init__(self, base: Settings, ledger: Ledger, stop: Stop, warn: Callable[[str], None]) -> None:
        self.settings = base
        self.ledger = ledger
        self._stop, self._warn = stop, warn
        self._lock = threading.Lock()
        self._lifecycles: dict[Place, Lifecycle] = {}
        self._pollers: list[Poller] = []
        self._listener: Listener | None = None
        self._listens = False

    @classmethod
    def open(
        cls,
        config: Mapping[str, str],
        environ: Mapping[str, str],
        stop: Stop,
        warn: Callable[[str], None],
        owners: str = "",
        run: str = "",
    ) -> Services:
        """Raises SettingsError, which names what is missing, and LedgerError.

        `owners` is what the owners of the stack's resources begin with; `run` is as in `open_ledger`.
        """
        base = settings.load(config, environ)
        return cls(base, open_ledger(base, environ, owners, warn, run), stop, warn)

    def at(self, place: Place) -> Lifecycle:
        """The lifecycle of the audios of that place. Raises SettingsError."""
        with self._lock:
            if place not in self._lifecycles:
                self._lifecycles[place] = self._lifecycle(place)
            return self._lifecycles[place]

    def asked(
        self, request: inputs.Request, operation: Operation, formers: Callable[[], Iterable[Key]]
    ) -> tuple[Asked, Place]:
        """What is to be extracted, and where: where the inputs say, unless VOD was asked for the same elsewhere before.

        `formers`: see `Asked`.

        Where nobody knows which resource this is (a host that could not be extended), nothing is found again after a
        crash: its key is one that nobody has.
        """
        place = Place.asked(self.settings, request.region, request.project_id, request.account)
        key = Key(operation.owner or str(uuid.uuid4()), request.fingerprint)
        earlier = self.ledger.claim(key, formers())
        if earlier is not None and (there := Place.parse(earlier.site)) is not None and there.site != place.site:
            place = replace(there, account=request.account)
        return Asked(key, request.asset_id, request.format, formers), place

    def placed(self, holder: Holder, deadline: Deadline) -> tuple[Holder, Place]:
        """Where the audio of a resource is: where its state says, or the ledger.

        Where both are of a version that did not note it, it is looked for where the default is, and was when the
        ledger first saw it. Found at neither, the holder still has its site marked as assumed: that proves nothing.
        Raises SettingsError where there is no default, and VodError.
        """
        sites = [holder.site] if holder.site else []
        if holder.assumed:
            known = self.ledger.holder_of(holder.audio_id, holder.owner)
            if known is not None:
                holder = replace(holder, site=known.site, assumed=known.assumed)
                sites.insert(0, known.site)
        places = [
            replace(it, account=holder.account) for it in map(Place.parse, dict.fromkeys(sites)) if it is not None
        ]
        if not places:
            places = [Place.asked(self.settings, None, None, holder.account)]
        for place in places if holder.assumed else ():
            if self.at(place).glance(holder.audio_id, deadline).outcome is not Outcome.GONE:
                return replace(holder, site=place.site, assumed=False), place
        return replace(holder, site=places[0].site), places[0]

    def listen(self) -> None:
        """Listen for VOD's events from now on, where the settings say so. Raises SettingsError.

        Not done before somebody waits for an audio: the port is one, and other runs may want it meanwhile.
        """
        listening = self.settings.events
        with self._lock:
            if listening is None or self._listens:
                return
            self._listens = True
            try:
                self._listener = Listener(listening, self._heard)
            except OSError as exc:
                self._warn(
                    f"vod:events.listen: {listening.host}:{listening.port} cannot be listened on"
                    f" ({exc.strerror or exc}), by another run perhaps: asking VOD instead"
                )
                return
            except SettingsError:
                self._listens = False
                raise
            for poller in self._pollers:
                poller.listen()

    def _heard(self, audio_id: str) -> None:
        for poller in tuple(self._pollers):
            poller.hurry(audio_id)

    def _unheard(self) -> None:
        self._warn(
            "vod:events: audios are done without an event of it, so VOD is asked instead: check the callback's"
            " address, key and events in VOD's console, and that VOD reaches this machine there"
        )

    def over(self) -> str:
        """What the run has shown to be wrong, and nobody has noticed yet; '' for nothing."""
        if self._listener is None or not self._listener.gate.others_only:
            return ""
        return (
            "vod:events: callbacks came, and none was signed with vod:events.key, so VOD was asked instead: compare the"
            " key with the callback's in VOD's console"
        )

    def _lifecycle(self, place: Place) -> Lifecycle:
        here = place.settings(self.settings)
        pool = ThreadPoolExecutor(CONNECTIONS, "vod")
        # Of its own: a request that waits for a search of the ledger must not keep that search from VOD.
        asking = ThreadPoolExecutor(CONNECTIONS, "vod-extract")
        transport = Transport(here.endpoint, here.project_id, here.credentials, account=here.account)
        client = Client(transport, here.quotas, pool=pool, asking=asking)
        share = max(1, int(here.quotas["query"] * here.query_share))
        absence_s = here.timeouts.absence
        poller = Poller(client.show, share, pool, stop=self._stop, unheard=self._unheard, absence_s=absence_s)
        self._pollers.append(poller)
        if self._listener is not None:
            poller.listen()
        deletes = Batches(client.delete, absent=lambda _: True, undone=lambda deleted: not deleted, stop=self._stop)
        publishes = {
            published: Batches(partial(client.publish, published=published), absent=Asset.gone, stop=self._stop)
            for published in (True, False)
        }
        recovery = Recovery(client, poller, self.ledger, place.site, absence_s)
        return Lifecycle(place, client, poller, deletes, publishes, self.ledger, recovery)

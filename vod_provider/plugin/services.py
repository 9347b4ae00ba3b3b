"""Everything that talks to VOD, put together from the settings. Loads HTTP and SQL; shared by all resources."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from vod_provider.audio.journal import Journal
from vod_provider.audio.lifecycle import Extraction
from vod_provider.config import settings
from vod_provider.config.settings import Settings, SettingsError
from vod_provider.plugin.event_listener import Listener
from vod_provider.vod.assets import Asset
from vod_provider.vod.client import Client
from vod_provider.vod.deadline import Stop
from vod_provider.vod.pacing.batches import Batches
from vod_provider.vod.pacing.poller import Poller
from vod_provider.vod.transport import CONNECTIONS, Transport


class Services:
    """One extraction service per endpoint, project and account, made when first asked for, over one journal."""

    def __init__(self, base: Settings, journal: Journal, stop: Stop, warn: Callable[[str], None]) -> None:
        self.settings = base
        self.journal = journal
        self._stop, self._warn = stop, warn
        self._lock = threading.Lock()
        self._extractions: dict[tuple[str, str, str | None], Extraction] = {}
        self._pollers: list[Poller] = []
        self._listener: Listener | None = None
        self._listens = False

    @classmethod
    def open(
        cls, config: Mapping[str, str], environ: Mapping[str, str], stop: Stop, warn: Callable[[str], None]
    ) -> Services:
        """Raises SettingsError, which names what is missing."""
        base = settings.load(config, environ)
        return cls(base, Journal(base.journal, warn=warn), stop, warn)

    def at(self, region: str | None, project_id: str | None, account: str | None = None) -> Extraction:
        """The service for a resource's own region, project and account; None for the stack's."""
        here = self.settings.at(region, project_id, account)
        place = (here.endpoint, here.project_id, account)
        with self._lock:
            if place not in self._extractions:
                self._extractions[place] = self._extraction(here)
            return self._extractions[place]

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

    def settle(self, audio_ids: Iterable[str]) -> None:
        """Pulumi has shown that it holds these audios."""
        self.journal.settle(audio_ids)

    def _extraction(self, here: Settings) -> Extraction:
        pool = ThreadPoolExecutor(CONNECTIONS, "vod")
        # Of its own: a request that waits for a search of the journal must not keep that search from VOD.
        asking = ThreadPoolExecutor(CONNECTIONS, "vod-extract")
        transport = Transport(here.endpoint, here.project_id, here.credentials, account=here.account)
        client = Client(transport, here.quotas, pool=pool, asking=asking)
        share = max(1, int(here.quotas["query"] * here.query_share))
        poller = Poller(
            client.show,
            share,
            pool,
            stop=self._stop,
            unheard=self._unheard,
            absence_s=here.timeouts.absence,
        )
        self._pollers.append(poller)
        if self._listener is not None:
            poller.listen()
        deletes = Batches(client.delete, absent=lambda _: True, stop=self._stop)
        publishes = {
            published: Batches(partial(client.publish, published=published), absent=Asset.gone, stop=self._stop)
            for published in (True, False)
        }
        service = f"{here.endpoint} {here.project_id}"
        return Extraction(client, poller, deletes, publishes, self.journal, service)

"""Everything that talks to VOD, put together from the settings. Loads HTTP and SQL; shared by all resources."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from vod_provider import settings
from vod_provider.extraction import Extraction
from vod_provider.journal import Journal
from vod_provider.settings import Settings
from vod_provider.vod.assets import Asset
from vod_provider.vod.batches import Batches
from vod_provider.vod.client import Client
from vod_provider.vod.patience import Stop
from vod_provider.vod.transport import CONNECTIONS, Transport
from vod_provider.vod.watcher import Watcher


class Services:
    """One extraction service per endpoint, project and account, made when first asked for, over one journal."""

    def __init__(self, base: Settings, journal: Journal, stop: Stop) -> None:
        self.settings = base
        self.journal = journal
        self._stop = stop
        self._lock = threading.Lock()
        self._extractions: dict[tuple[str, str, str | None], Extraction] = {}

    @classmethod
    def open(
        cls, config: Mapping[str, str], environ: Mapping[str, str], stop: Stop, warn: Callable[[str], None]
    ) -> Services:
        """Raises SettingsError, which names what is missing."""
        base = settings.load(config, environ)
        return cls(base, Journal(base.journal, warn=warn), stop)

    def at(self, region: str | None, project_id: str | None, account: str | None = None) -> Extraction:
        """The service for a resource's own region, project and account; None for the stack's."""
        here = self.settings.at(region, project_id, account)
        place = (here.endpoint, here.project_id, account)
        with self._lock:
            if place not in self._extractions:
                self._extractions[place] = self._extraction(here)
            return self._extractions[place]

    def settle(self, audio_ids: Iterable[str]) -> None:
        """Pulumi has shown that it holds these audios."""
        self.journal.settle(audio_ids)

    def _extraction(self, here: Settings) -> Extraction:
        pool = ThreadPoolExecutor(CONNECTIONS, "vod")
        # Of its own: a request that waits for a search of the journal must not keep that search from VOD.
        asking = ThreadPoolExecutor(CONNECTIONS, "vod-extract")
        transport = Transport(here.endpoint, here.project_id, here.credentials)
        client = Client(transport, here.quotas, pool=pool, asking=asking)
        share = max(1, int(here.quotas["query"] * here.query_share))
        watcher = Watcher(client.show, share, pool, stop=self._stop)
        deletes = Batches(client.delete, absent=lambda _: True, stop=self._stop)
        publishes = {
            published: Batches(partial(client.publish, published=published), absent=Asset.gone, stop=self._stop)
            for published in (True, False)
        }
        service = f"{here.endpoint} {here.project_id}"
        return Extraction(client, watcher, deletes, publishes, self.journal, service)

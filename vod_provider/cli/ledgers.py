"""The ledger as the commands see it: the rows of every stack, of which they write none."""

from __future__ import annotations

from collections.abc import Callable

from vod_provider.audio.ledger import Ledger
from vod_provider.cli.configuration import Configuration
from vod_provider.config.ledger_location import LedgerFile
from vod_provider.config.settings import Settings
from vod_provider.plugin.services import open_ledger

NOBODY = "the commands"
"""No owner begins so: in object storage, where each stack has a log of its own, all of them are other stacks' then."""


def opened(configuration: Configuration, here: Settings, warn: Callable[[str], None]) -> Ledger:
    """The ledger that is configured. Raises SettingsError and LedgerError."""
    return open_ledger(here, configuration.environ, NOBODY, warn)


def check(ledger: Ledger, here: Settings, warn: Callable[[str], None]) -> None:
    """Try what a run does with the ledger: read it, write to it. Raises LedgerError."""
    location = here.ledger
    if isinstance(location, LedgerFile):
        with ledger.asking():
            ledger.known_ids("")  # makes the file, which proves that it can be made
        return
    from vod_provider.audio import ledger_store

    store = ledger_store.opened(location, NOBODY, credentials=here.credentials, region=here.region, warn=warn)
    store.check()

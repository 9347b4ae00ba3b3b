"""Which audio of a catalogue is which, as one resource each and as an entry of one for all."""

from __future__ import annotations

import pytest

from vod_provider.audio.ledger_records import owner_of_entry
from vod_provider.plugin.moves import CATALOGUE, in_catalogue
from vod_provider.plugin.owner import SET_TYPES, TYPES

BEFORE = f"file:///s urn:pulumi:dev::media::my:app:Archive${CATALOGUE}$"


@pytest.mark.parametrize("key", ["talk", "talk-17", "a::b", 'a"]'])
def test_counterparts_have_the_same_name(key: str) -> None:
    """By the key that the program gives it, whatever is in that, and in either of our two types."""
    (same,) = {
        *(in_catalogue(f"{BEFORE}{it}::archive-{key}") for it in TYPES),
        *(in_catalogue(owner_of_entry(f"{BEFORE}{it}::archive", key)) for it in SET_TYPES),
    }
    assert same is not None
    assert same != in_catalogue(owner_of_entry(f"{BEFORE}{SET_TYPES[0]}::archive", f"{key}::c"))
    assert same != in_catalogue(f"{BEFORE}{TYPES[0]}::other-{key}")


@pytest.mark.parametrize("owner", ["", "0b7e", f"file:///s urn:pulumi:dev::media::{TYPES[0]}::archive-talk"])
def test_what_is_in_no_catalogue_has_no_counterpart(owner: str) -> None:
    """A resource beside any catalogue, and one that the host does not name."""
    assert in_catalogue(owner) is None

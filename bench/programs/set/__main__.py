"""This provider: so many audios of one source as one set; with a title each if they are `titled`."""

import pulumi

from vod_provider import ExtractedAudioSet

config = pulumi.Config("bench")
source, titled = config.require("source"), config.get_bool("titled")
ExtractedAudioSet(
    "archive",
    {
        f"talk-{number:05}": {
            "asset_id": source,
            "title": f"A talk, number {number}" if titled else None,
        }
        for number in range(config.require_int("count"))
    },
    format="MP3",
)

"""This provider: so many audios of one source."""

import pulumi

from vod_provider import ExtractedAudio

config = pulumi.Config("bench")
for number in range(config.require_int("count")):
    ExtractedAudio(f"audio{number}", asset_id=config.require("source"), format="MP3", triggers=[number])

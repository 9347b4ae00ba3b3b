"""The tutorials' provider: so many audios of one source."""

import pulumi
from audio import Audio

config, vod = pulumi.Config("bench"), pulumi.Config("vod")
for number in range(config.require_int("count")):
    Audio(
        f"audio{number}",
        url=f"{vod.require('endpoint')}/v1.0/{vod.require('projectId')}",
        token=config.require("token"),
        asset_id=config.require("source"),
        format="MP3",
        triggers=[number],
    )

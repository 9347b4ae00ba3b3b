"""The audio track of one VOD video. `make up` runs this against the local VOD."""

import pulumi

from vod_provider import ExtractedAudio

config = pulumi.Config()

audio = ExtractedAudio(
    "audio",
    asset_id=config.require("asset_id"),
    format="MP3",
    title="Sample audio",
)

pulumi.export("audio_asset_id", audio.audio_asset_id)
pulumi.export("url", audio.url)
pulumi.export("duration", audio.duration)

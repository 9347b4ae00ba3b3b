"""The audio track of one video, with a title and tags.

pulumi config set asset_id ID    media ID of the video
"""

import pulumi

from vod_provider import ExtractedAudio

audio = ExtractedAudio(
    "talk",
    asset_id=pulumi.Config().require("asset_id"),
    format="AAC",
    title="The talk, to listen to",
    tags=["talk", "audio"],
)

pulumi.export("audio_asset_id", audio.audio_asset_id)
pulumi.export("url", audio.url)
pulumi.export("minutes", audio.duration.apply(lambda seconds: round((seconds or 0) / 60, 1)))

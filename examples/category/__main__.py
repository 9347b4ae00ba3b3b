"""Every video in a category has an audio: VOD is asked which there are, each time the program runs.

pulumi config set category -- ID    the id of a category; -1 is the category 'Others'
"""

import pulumi

from vod_provider import ExtractedAudio, get_media_assets

audios: dict[str, pulumi.Output[str]] = {}
for video in get_media_assets(category_id=pulumi.Config().require_int("category"), kind="video"):
    audios[video.id] = ExtractedAudio(f"audio-of-{video.id}", asset_id=video.id).audio_asset_id

pulumi.export("audios", audios)

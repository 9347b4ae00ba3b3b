"""Every video in a category has an audio: VOD is asked which there are, each time the program runs.

pulumi config set category -- ID    the id of a category; -1 is the category 'Others'
"""

import pulumi

from vod_provider import AudioCatalogue, get_media_assets

videos = get_media_assets(category_id=pulumi.Config().require_int("category"), kind="video")
catalogue = AudioCatalogue("category", videos)
pulumi.export("audios", catalogue.audio_asset_ids)

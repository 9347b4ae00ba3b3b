"""The audio track of every video in a category. Each run asks VOD which videos are in the category.

pulumi config set category -- ID    ID of the category; -1 is the category 'Others'
"""

import pulumi

from vod_provider import AudioCatalogue, get_media_assets

videos = get_media_assets(category_id=pulumi.Config().require_int("category"), kind="video")
catalogue = AudioCatalogue("category", videos)
pulumi.export("audios", catalogue.audio_asset_ids)

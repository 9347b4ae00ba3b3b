"""The audio track of every video in a category. Each run asks VOD which videos are in the category.

pulumi config set category -- ID    ID of the category; -1 is the category 'Others'

Videos that VOD says have no audio track are left out, and those that the setting `exclude` names by their ids.
"""

import pulumi

from vod_provider import AudioCatalogue, get_media_assets

config = pulumi.Config()
videos = get_media_assets(category_id=config.require_int("category"), kind="video")
with_sound = [video for video in videos if video.has_sound is not False]
catalogue = AudioCatalogue("category", with_sound, exclude=config.get_object("exclude") or [])
pulumi.export("audios", catalogue.audio_asset_ids)

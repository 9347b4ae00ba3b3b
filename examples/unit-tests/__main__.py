"""The audio tracks of the videos in the stack's configuration.

pulumi config set --path 'videos.talk-1' ID    a name of your choice and the media ID of a video; repeat for each video
"""

import pulumi
from media import declare_audios

audios = declare_audios(pulumi.Config().require_object("videos"))

pulumi.export("audio_asset_ids", {name: audio.audio_asset_id for name, audio in audios.items()})

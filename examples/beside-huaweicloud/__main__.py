"""A video that Huawei Cloud's own provider uploads to VOD, and the audio track of it.

pulumi config set url https://example.com/talk.mp4     the URL from which VOD fetches the video
pulumi config set huaweicloud:region ap-southeast-1    both providers read this and the settings below
pulumi config set huaweicloud:projectId 0605767a9a00d5762fecc00d4ab17c2e
pulumi config set huaweicloud:accessKey AK
pulumi config set --secret huaweicloud:secretKey SK
"""

import pulumi
from pulumi_huaweicloud.vod import MediaAsset

from vod_provider import ExtractedAudio

config = pulumi.Config()

video = MediaAsset("talk", name="The talk", media_type="MP4", url=config.require("url"), publish=True)
audio = ExtractedAudio("talk", asset_id=video.id, title=video.name, tags=["talk"])

pulumi.export("audio_asset_id", audio.audio_asset_id)

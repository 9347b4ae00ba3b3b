"""A video that Huawei Cloud's own provider brings into VOD, and its audio.

pip install pulumi_huaweicloud 'setuptools<81'
pulumi config set url https://example.com/talk.mp4     where VOD fetches the video
pulumi config set huaweicloud:region ap-southeast-1    from here on for both providers
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

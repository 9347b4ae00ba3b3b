"""The audio track of a video that another stack manages. The audio's URL is an output that further stacks can use.

pulumi config set videos_stack ORGANIZATION/PROJECT/STACK    a stack whose output `trailer_asset_id` is a media ID
"""

import pulumi

from vod_provider import ExtractedAudio

videos = pulumi.StackReference(pulumi.Config().require("videos_stack"))
trailer = ExtractedAudio("trailer", asset_id=videos.require_output("trailer_asset_id"))

pulumi.export("trailer_url", trailer.url)

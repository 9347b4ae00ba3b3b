"""An audio of a video whose id is another stack's output, and its address as an output for others.

pulumi config set videos_stack ORGANIZATION/PROJECT/STACK    the stack; its output `trailer_asset_id` is the video
"""

import pulumi

from vod_provider import ExtractedAudio

videos = pulumi.StackReference(pulumi.Config().require("videos_stack"))
trailer = ExtractedAudio("trailer", asset_id=videos.require_output("trailer_asset_id"))

pulumi.export("trailer_url", trailer.url)

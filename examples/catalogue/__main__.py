"""An audio of every video in a list. For more than a few dozen, run `pulumi up --parallel 1000`.

pulumi config set --path 'videos.intro' ID    a name and the media id of a video, once for each
"""

import pulumi

from vod_provider import ExtractedAudio

videos = pulumi.Config().require_object("videos")

audios = {name: ExtractedAudio(name, asset_id=asset_id, title=f"{name} (audio)") for name, asset_id in videos.items()}

pulumi.export("urls", {name: audio.url for name, audio in audios.items()})
pulumi.export("seconds", pulumi.Output.all(*(audio.duration for audio in audios.values())).apply(sum))

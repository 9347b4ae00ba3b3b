"""An audio of every video in a list, as one component. For more than a few dozen, run `pulumi up --parallel 1000`.

pulumi config set --path 'videos.intro' ID    a name and the media id of a video, once for each
"""

import pulumi

from vod_provider import AudioCatalogue

catalogue = AudioCatalogue("talks", pulumi.Config().require_object("videos"), tags=["talk"])

pulumi.export("urls", catalogue.urls)
pulumi.export("seconds", pulumi.Output.all(*(audio.duration for audio in catalogue.audios.values())).apply(sum))

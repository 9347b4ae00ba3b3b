"""The audio track of every video in a list, as one component. For more than a few dozen, `pulumi up --parallel 1000`.

pulumi config set --path 'videos.intro' ID    a name of your choice and the media ID of a video; repeat for each video
"""

import pulumi

from vod_provider import AudioCatalogue

catalogue = AudioCatalogue("talks", pulumi.Config().require_object("videos"), tags=["talk"])

pulumi.export("urls", catalogue.urls)
pulumi.export("seconds", pulumi.Output.all(*(audio.duration for audio in catalogue.audios.values())).apply(sum))

"""Two audios that only CI makes: on a pull request it shows what would be billed, on main it runs `pulumi up`.

pulumi config set opening ID    media ID of the opening talk
pulumi config set closing ID    media ID of the closing talk
"""

import pulumi

from vod_provider import ExtractedAudio

config = pulumi.Config()
opening = ExtractedAudio("opening", asset_id=config.require("opening"), title="Opening talk")
closing = ExtractedAudio("closing", asset_id=config.require("closing"), title="Closing talk")

pulumi.export("urls", {"opening": opening.url, "closing": closing.url})

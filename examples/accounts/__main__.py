"""Audios of the stack's own account and of another one, side by side.

pulumi config set asset_id ID            a video of the stack's own account
pulumi config set archive_asset_id ID    a video of the account `archive` (see vod:accounts)
"""

import pulumi

from vod_provider import ExtractedAudio

config = pulumi.Config()

ours = ExtractedAudio("ours", asset_id=config.require("asset_id"))
archived = ExtractedAudio("archived", asset_id=config.require("archive_asset_id"), account="archive")

pulumi.export("urls", {"ours": ours.url, "archived": archived.url})

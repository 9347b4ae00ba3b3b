"""Audio tracks of videos in two regions and two accounts.

pulumi config set asset_id ID                media ID of a video in the stack's own region and account
pulumi config set other_region REGION        another region
pulumi config set other_project_id PROJECT   the account's project in that region
pulumi config set other_asset_id ID          media ID of a video in that region
pulumi config set archive_asset_id ID        media ID of a video of the account `archive` (see vod:accounts)
"""

import pulumi

from vod_provider import ExtractedAudio

config = pulumi.Config()

here = ExtractedAudio("here", asset_id=config.require("asset_id"))
there = ExtractedAudio(
    "there",
    asset_id=config.require("other_asset_id"),
    region=config.require("other_region"),
    project_id=config.require("other_project_id"),
)
archived = ExtractedAudio("archived", asset_id=config.require("archive_asset_id"), account="archive")

pulumi.export("urls", {"here": here.url, "there": there.url, "archived": archived.url})

"""How users write it, right and wrong: each line that ends in `# error` has to be reported, and no other."""

from __future__ import annotations

import pulumi

from vod_provider import (
    AudioCatalogue,
    AudioFormat,
    ExtractedAudio,
    ExtractedAudioArgs,
    ExtractedAudioSet,
    get_media_asset,
    get_media_asset_output,
    get_media_assets,
)

asset_id: pulumi.Output[str] = pulumi.Output.from_input("5412")

one = ExtractedAudio("one", asset_id="5412")
every = ExtractedAudio(
    "every",
    asset_id=asset_id,
    format="AAC",
    title=one.title,
    description="All of it",
    category_id=7,
    tags=["a", one.audio_asset_id],
    publish=True,
    region="cn-north-4",
    project_id="p",
    account="other",
    triggers=[1, {"a": [None]}],
    adopt="1",
    opts=pulumi.ResourceOptions(protect=True),
)
args: ExtractedAudioArgs = {"asset_id": asset_id, "format": "MP3", "tags": ["a"]}
by_dictionary = ExtractedAudio("by-dictionary", args)
with_options = ExtractedAudio("with-options", {"asset_id": "5412"}, pulumi.ResourceOptions(parent=one))
options_second = ExtractedAudio("options-second", pulumi.ResourceOptions(parent=one), asset_id="5412")
read = ExtractedAudio.get("read", "5412", region="cn-north-4")
read_with_options = ExtractedAudio.get("read-with-options", "5412", pulumi.ResourceOptions(parent=one))

url: pulumi.Output[str | None] = one.url
seconds: pulumi.Output[float | None] = one.duration
minutes: pulumi.Output[float] = one.duration.apply(lambda it: (it or 0.0) / 60)
published: pulumi.Output[bool] = read.publish

audio_format: AudioFormat = "AAC"
same_format = ExtractedAudio("same-format", asset_id="5412", format=every.format)
told_format = ExtractedAudio("told-format", asset_id="5412", format=audio_format)

for video in get_media_assets(category_id=7, kind="video"):
    ExtractedAudio(video.title, asset_id=video.id)
catalogue = AudioCatalogue("talks", {"opening": asset_id, "closing": "5413"}, tags=["talk"], publish=True)
own = AudioCatalogue("own", {"opening": asset_id, "closing": {"asset_id": "5413", "title": "The end"}})
found = AudioCatalogue("found", get_media_assets(category_id=7), opts=pulumi.ResourceOptions(parent=catalogue))
some = AudioCatalogue("some", [it for it in get_media_assets() if it.has_sound is not False], exclude=["5412"])
archive = ExtractedAudioSet("archive", {"opening": asset_id, "closing": {"asset_id": "5413", "format": "AAC"}})
opening: ExtractedAudio = catalogue.audios["opening"]
urls: dict[str, pulumi.Output[str | None]] = dict(found.urls)
for asset in get_media_assets(asset_ids=["5412"], status=["CREATED"]):
    print(asset.url)
later: pulumi.Output[float | None] = get_media_asset_output(asset_id).apply(lambda it: it.duration)
length: float | None = get_media_asset("5412").duration

nothing = ExtractedAudio("nothing")  # error
number = ExtractedAudio("number", asset_id=5)  # error
unknown = ExtractedAudio("unknown", asset_id="5412", formats="MP3")  # error
other_format = ExtractedAudio("other-format", asset_id="5412", format="WAV")  # error
tag = ExtractedAudio("tag", asset_id="5412", tags="talk", publish="yes")  # error
lacking: ExtractedAudioArgs = {"format": "MP3"}  # error
size: pulumi.Output[str] = one.size  # error
width = one.width  # error
AudioCatalogue("wrong", {"opening": 5412})  # error
AudioCatalogue("wrong", {"opening": "5412"}, formats="MP3")  # error
AudioCatalogue("wrong", ["5412"], publishing=True)  # error
AudioCatalogue("wrong", ["5412"], exclude=[5412])  # error
ExtractedAudioSet("wrong", {"opening": "5412"}, formats="MP3")  # error
ExtractedAudioSet("wrong", {"opening": "5412"}, format="WAV")  # error
ExtractedAudioSet("wrong", {"opening": {"asset_id": "5412", "format": "WAV"}})  # error
get_media_assets(kind="picture")  # error
get_media_assets(asset_ids=[5412])  # error

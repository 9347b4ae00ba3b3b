"""A podcast: one published audio for each episode, and an RSS feed of them in feed.xml.

pulumi config set --path 'episodes.Pilot' ID            a title and the media id of a video, once for each episode
pulumi config set --path 'episodes["The 2nd"]' ID
"""

from pathlib import Path
from xml.etree import ElementTree

import pulumi

from vod_provider import ExtractedAudio

ITUNES = "http://www.itunes.com/dtds/podcast-1.0.dtd"
FEED = Path(__file__).with_name("feed.xml")

episodes = {
    title: ExtractedAudio(f"episode-{title}", asset_id=video, title=title, tags=["podcast"], publish=True)
    for title, video in pulumi.Config().require_object("episodes").items()
}


def write(found: list[dict[str, object]]) -> str:
    """Write the feed; returns its file's name."""
    ElementTree.register_namespace("itunes", ITUNES)
    rss = ElementTree.Element("rss", version="2.0")
    channel = ElementTree.SubElement(rss, "channel")
    for name, text in (("title", "Talks"), ("link", "https://example.com/talks"), ("description", "To listen to")):
        ElementTree.SubElement(channel, name).text = text
    for one in found:
        item = ElementTree.SubElement(channel, "item")
        ElementTree.SubElement(item, "title").text = str(one["title"])
        ElementTree.SubElement(item, "guid", isPermaLink="false").text = str(one["id"])
        ElementTree.SubElement(item, f"{{{ITUNES}}}duration").text = str(one["seconds"])
        sizes = {"url": str(one["url"]), "length": str(one["bytes"]), "type": "audio/mpeg"}
        ElementTree.SubElement(item, "enclosure", sizes)
    ElementTree.indent(rss)
    ElementTree.ElementTree(rss).write(FEED, encoding="utf-8", xml_declaration=True)
    return FEED.name


items = [
    pulumi.Output.all(
        title=audio.title,
        id=audio.audio_asset_id,
        seconds=audio.duration.apply(lambda seconds: round(seconds or 0)),
        url=audio.url,
        bytes=audio.size,
    )
    for audio in episodes.values()
]

# At a preview the outputs are not known yet, and no feed is written.
pulumi.export("feed", pulumi.Output.all(*items).apply(write))

"""A podcast: one published audio for each episode, and an RSS feed in feed.xml.

pulumi config set --path 'episodes.Pilot' ID            title of an episode and media ID of its video; repeat for each
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


def write_feed(audios: list[dict[str, object]]) -> str:
    """Write the feed and return the name of its file."""
    ElementTree.register_namespace("itunes", ITUNES)
    rss = ElementTree.Element("rss", version="2.0")
    channel = ElementTree.SubElement(rss, "channel")
    for name, text in (("title", "Talks"), ("link", "https://example.com/talks"), ("description", "To listen to")):
        ElementTree.SubElement(channel, name).text = text
    for audio in audios:
        item = ElementTree.SubElement(channel, "item")
        ElementTree.SubElement(item, "title").text = str(audio["title"])
        ElementTree.SubElement(item, "guid", isPermaLink="false").text = str(audio["id"])
        ElementTree.SubElement(item, f"{{{ITUNES}}}duration").text = str(audio["seconds"])
        sizes = {"url": str(audio["url"]), "length": str(audio["bytes"]), "type": "audio/mpeg"}
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

# A preview does not know the outputs yet, so it writes no feed.
pulumi.export("feed", pulumi.Output.all(*items).apply(write_feed))

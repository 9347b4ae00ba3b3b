"""Which kinds of files VOD takes: the containers of its API reference, in its own spelling; leaf."""

from __future__ import annotations

VIDEO_TYPES = frozenset(
    "MP4 TS MOV MXF MPG FLV WMV AVI M4V F4V MPEG 3GP ASF MKV WEBM HLS M3U8".split()  # noqa: SIM905
)
AUDIO_TYPES = frozenset("MP3 OGG WAV WMA APE FLAC AAC AC3 MMF AMR M4A M4R WV MP2".split())  # noqa: SIM905
MEDIA_TYPES = VIDEO_TYPES | AUDIO_TYPES

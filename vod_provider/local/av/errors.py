"""What can be wrong with a file.

MediaError             it cannot be read as media, or not be extracted from
ValueError
└── NotMp3Error        it is not made of MP3 frames alone
"""

from __future__ import annotations


class MediaError(Exception):
    """A file that cannot be read as media, or an extraction that cannot be done; the text says why."""


class NotMp3Error(ValueError):
    """The file is not made of MP3 frames alone."""

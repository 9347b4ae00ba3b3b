"""What can go wrong with a command.

UploadError            the upload did not succeed
CredentialsError       credentials cannot be read or cannot be used
"""

from __future__ import annotations


class UploadError(Exception):
    """The upload did not succeed; the text says why, for a person."""


class CredentialsError(Exception):
    """Credentials that cannot be read or cannot be used; the text names the option and never the secret."""

"""What can be wrong with the settings.

SettingsError              a setting is wrong
└── MissingSettingsError   settings are missing; the text names all of them at once
"""

from __future__ import annotations


class SettingsError(ValueError):
    """A setting is missing or wrong. The text, one line, names it and says where to set it; it shows no secret."""


class MissingSettingsError(SettingsError):
    """Settings that are needed are not set. The text names all of them at once, with the commands to run."""

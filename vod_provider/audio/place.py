"""Where an audio is: a value that is kept in the outputs and in the ledger, whatever the stack's default is today."""

from __future__ import annotations

from dataclasses import dataclass

from vod_provider.config.settings import Settings


@dataclass(frozen=True)
class Place:
    """One project at one endpoint, asked with the credentials of `account` (None: the stack's own).

    As text, 'ENDPOINT PROJECT' or 'ENDPOINT PROJECT ACCOUNT'. It holds no secret: an endpoint with credentials in it is
    refused as a setting.
    """

    endpoint: str
    project_id: str
    account: str | None = None

    def __str__(self) -> str:
        return f"{self.site} {self.account}" if self.account is not None else self.site

    @property
    def site(self) -> str:
        """Endpoint and project: what tells one set of assets from another, whoever asks for them."""
        return f"{self.endpoint} {self.project_id}"

    @classmethod
    def parse(cls, text: object) -> Place | None:
        """The place that a text stands for; None for anything else."""
        parts = text.split(" ") if isinstance(text, str) else []
        if len(parts) not in {2, 3} or not all(parts):
            return None
        return cls(*parts)

    @classmethod
    def asked(cls, settings: Settings, region: str | None, project_id: str | None, account: str | None) -> Place:
        """The place that a resource's inputs ask for today; None for the stack's own. Raises SettingsError."""
        here = settings.at(region, project_id, account)
        return cls(here.endpoint, here.project_id, account)

    def settings(self, settings: Settings) -> Settings:
        """The settings for this place, with today's credentials of its account. Raises SettingsError."""
        return settings.at(None, self.project_id, self.account, endpoint=self.endpoint)

"""VOD as the rehearsal uses it: every answer is data, also a refusal. Asks again where an answer was lost."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vod_provider.cli.errors import CommandError
from vod_provider.cli.permissions import Sends
from vod_provider.vod.errors import AnswerError, LostAnswerError, ThrottledError, UnreachableError

ATTEMPTS = 6
"""How often a request is sent whose answer is lost or refused for the quota."""
PAUSE_S = 5.0
PAGE, PAGES = 100, 200
"""Pages of a listing reach 20,000 assets. Source: the API reference, ListAssetList."""
ABSENT_STATUSES = frozenset({"NO_ASSET", "NOASSET"})


@dataclass(frozen=True)
class Reply:
    """What VOD answered. `status` is the HTTP status of a refusal, and 200 for every success."""

    status: int = 200
    code: str = ""
    message: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether VOD did what was asked."""
        return self.status == 200

    @property
    def not_found(self) -> bool:
        """Whether it says that there is no such asset."""
        return self.status == 404 or self.code == "VOD.10062"

    def rows(self, name: str = "asset_info_array") -> list[Mapping[str, Any]]:
        """The rows of a list in the body."""
        rows = self.body.get(name)
        return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []

    def __str__(self) -> str:
        return " ".join(part for part in (f"HTTP {self.status}", self.code, self.message) if part)


@dataclass(frozen=True)
class Shown:
    """One asset as a query by its id shows it: `status` as VOD wrote it; `row` is {} where there is none."""

    reply: Reply
    row: Mapping[str, Any]

    @property
    def status(self) -> str:
        """The status; '' where no row is shown."""
        return str(self.row.get("status", ""))

    @property
    def kind(self) -> str:
        """The status without blanks; for an absent asset how that is told, as the dialect 'absence' has it."""
        if self.reply.status == 404:
            return "http_404"
        if self.reply.not_found:
            return "vod_10062"
        return self.status.strip() or "left_out"

    @property
    def absent(self) -> bool:
        """Whether it says that there is no such asset."""
        return (
            not self.row
            or self.kind in ABSENT_STATUSES
            or (self.kind == "UNCREATED" and "no asset" in str(self.row.get("description", "")))
        )

    def base(self, name: str) -> str:
        """A text of its base_info."""
        return str(self._base.get(name) or "")

    def meta(self, name: str) -> Any:
        """A fact of its file."""
        meta = self._base.get("meta_data")
        return meta.get(name) if isinstance(meta, dict) else None

    @property
    def _base(self) -> Mapping[str, Any]:
        base = self.row.get("base_info")
        return base if isinstance(base, dict) else {}


class Service:
    """One project of VOD. `put` sends the bytes of a file to an upload address."""

    def __init__(
        self, to: Sends, sleep: Callable[[float], None], put: Callable[[str, bytes], None] | None = None
    ) -> None:
        self._to, self._sleep, self._put = to, sleep, put or put_file

    def ask(
        self,
        doing: str,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: Mapping[str, Any] | None = None,
        repeatable: bool = True,
    ) -> Reply:
        """One request and its answer. Raises CommandError where none comes."""
        for attempt in range(ATTEMPTS):
            try:
                return Reply(body=self._to.send(doing, method, path, query=list(query), body=body).body)
            except ThrottledError as error:
                if attempt == ATTEMPTS - 1:
                    raise CommandError(str(error)) from error
            except AnswerError as error:
                return Reply(error.status, error.code, error.message)
            except (LostAnswerError, UnreachableError) as error:
                sure = isinstance(error, UnreachableError) or repeatable
                if attempt == ATTEMPTS - 1 or not sure:
                    raise CommandError(str(error)) from error
            self._sleep(PAUSE_S)
        raise AssertionError("unreachable")

    def show(self, asset_id: str) -> Shown:
        """One asset by its id."""
        reply = self.ask(f"asking about asset {asset_id}", "GET", "/asset/info", query=[("asset_id", asset_id)])
        row = next((row for row in reply.rows() if str(row.get("asset_id")) == asset_id), None)
        if row is None and len(reply.rows()) == 1:
            row = reply.rows()[0]  # some ways of saying 'no asset' may name none
        return Shown(reply, row or {})

    def listed(self, since: str, until: str) -> Iterator[Mapping[str, Any]]:
        """All assets created between two times (yyyymmddhhmmss, UTC), newest first. Raises CommandError."""
        for page in range(PAGES):
            query = [("start_time", since), ("end_time", until), ("page", str(page)), ("size", str(PAGE))]
            reply = self.ask("listing assets", "GET", "/asset/info", query=query)
            if not reply.ok:
                raise CommandError(f"listing assets: VOD answered {reply}; `python -m vod_provider doctor` says more")
            rows = reply.rows()
            yield from rows
            if len(rows) < PAGE:
                return

    def upload(self, title: str, name: str, description: str, content: bytes, made: Callable[[str], None]) -> str:
        """Upload a clip; `made` gets its id as soon as there is one. Raises CommandError."""
        body = {
            "title": title,
            "video_name": name,
            "video_type": "MP4",
            "description": description,
            "auto_publish": 0,
        }
        created = self.ask("creating an asset", "POST", "/asset", body=body, repeatable=False)
        asset_id, url = created.body.get("asset_id"), created.body.get("video_upload_url")
        if not created.ok or not isinstance(asset_id, str) or not isinstance(url, str):
            raise CommandError(f"creating an asset: VOD answered {created}")
        made(asset_id)
        self._put(url, content)
        confirmation = {"asset_id": asset_id, "status": "CREATED"}
        confirmed = self.ask("confirming the upload", "POST", "/asset/status/uploaded", body=confirmation)
        if not confirmed.ok:
            raise CommandError(f"confirming the upload of asset {asset_id}: VOD answered {confirmed}")
        return asset_id

    def extract(self, source: str, audio_format: str | None) -> Reply:
        """Ask for an extraction; the audio's id is in the body."""
        body: dict[str, Any] = {"asset_id": source}
        if audio_format is not None:
            body["parameter"] = {"format": audio_format}
        doing = f"extracting audio from asset {source}"
        return self.ask(doing, "POST", "/asset/extract_audio", body=body, repeatable=False)

    def cancel(self, asset_id: str) -> Reply:
        """Cancel an extraction."""
        doing = f"cancelling an extraction by asset {asset_id}"
        return self.ask(doing, "DELETE", "/asset/extract_audio", query=[("asset_id", asset_id)])

    def delete(self, asset_ids: Sequence[str], *, repeated: bool = False) -> tuple[Reply, dict[str, str]]:
        """Delete assets; also the result by id. `repeated`: one parameter for each id, in place of commas."""
        ids = [("asset_id", one) for one in asset_ids] if repeated else [("asset_id", ",".join(asset_ids))]
        reply = self.ask(f"deleting asset {' and '.join(asset_ids)}", "DELETE", "/asset", query=ids)
        results = {str(row.get("asset_id")): str(row.get("status")) for row in reply.rows("delete_result_array")}
        return reply, results


def put_file(url: str, content: bytes) -> None:
    """Send a file's bytes to an upload address. Raises CommandError, which does not show the address: it is signed."""
    request = urllib.request.Request(url, content, {"Content-Type": "video/mp4"}, method="PUT")  # noqa: S310 - VOD's
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            answer.read()
    except (OSError, ValueError) as exc:
        why = f"HTTP {exc.code}" if isinstance(exc, urllib.error.HTTPError) else str(getattr(exc, "reason", exc))
        raise CommandError(f"uploading the clip to the address that VOD gave: {why}") from exc

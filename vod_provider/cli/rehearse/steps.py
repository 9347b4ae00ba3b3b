"""The rehearsal itself: uploads a clip, extracts from it, looks at every answer, and deletes all of it."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from vod_provider.cli.errors import CommandError
from vod_provider.cli.rehearse.callbacks import Callback
from vod_provider.cli.rehearse.questions import BY_NAME, Finding
from vod_provider.cli.rehearse.record import Record
from vod_provider.cli.rehearse.service import Reply, Service, Shown

MARK = "pulumi-huaweicloud-vod rehearsal"
"""How the titles of all that is uploaded begin; audios get the title of their video, as a rule."""
FILE_MARK = "vod-rehearsal-"
"""How the names of its files begin."""
EXTRACTIONS = 7
"""How many extractions are asked for at most."""
UPLOADS = 8
DONE = frozenset({"CREATED", "PUBLISHED", "TRANSCODE_SUCCEED"})
FAILED = frozenset({"SERVER_ERROR", "TRANSCODE_FAILED", "UPLOAD_FAILED", "CANCELLED", "OBS_CREATE_FAILED"})
WORKING = frozenset({"CREATING", "WAITING_TRANSCODE", "TRANSCODING"})
_REMAINS_DAYS = 7


@dataclass(frozen=True)
class Waits:
    """How long things may take, in seconds. `grace`: an audio that is absent for so long is not going to appear."""

    extraction: float = 600.0
    grace: float = 20.0
    listing: float = 120.0
    deletion: float = 120.0
    callback: float = 60.0


@dataclass
class Followed:
    """What was seen of an extraction from acceptance on: statuses in order, and after how many seconds it showed."""

    statuses: list[str] = field(default_factory=list)
    by_id: float | None = None
    listed: float | None = None
    last: Shown | None = None

    def note(self, status: str) -> None:
        if not self.statuses or self.statuses[-1] != status:
            self.statuses.append(status)

    @property
    def end(self) -> str:
        """The status that it ended in; 'removed' where it is absent, '' where it did not end."""
        if self.last is None or self.last.absent:
            return "removed"
        return self.last.kind if self.last.kind in DONE | FAILED else ""


class Rehearsal:
    """One rehearsal. `denied` is the same project with a key that may do nothing; `callbacks` grows meanwhile."""

    def __init__(
        self,
        service: Service,
        record: Record,
        progress: Callable[[str], None],
        *,
        clip: bytes,
        wrong: Service,
        denied: Service | None = None,
        callbacks: Sequence[Callback] | None = None,
        key: str = "",
        waits: Waits | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._service, self._record, self._progress, self._clip = service, record, progress, clip
        self._wrong, self._denied, self._callbacks, self._key = wrong, denied, callbacks, key
        self._waits, self._sleep, self._clock, self._now = waits or Waits(), sleep, clock, now
        self.run_id = uuid.uuid4().hex[:8]
        self.findings: dict[str, Finding] = {}
        self._statuses: list[str] = []
        self._source_statuses: set[str] = set()

    def run(self) -> None:
        """Settle one question after the other into `findings`. What was made is left to `clean`."""
        self._unknown_ids()
        self._gateway()
        source = self._upload("the clip")
        before = self._until(source, lambda it: it.kind in DONE | FAILED).kind
        if before not in DONE:
            raise CommandError(f"the clip was uploaded as asset {source}, and is {before}")
        self._permissions(source)
        audio = self._extraction(source)
        self._queue(source)
        self._found_statuses(before)
        if audio is not None:
            self._metadata(audio)
        self._failure()
        self._events()
        self._deletions()

    # -- remains -------------------------------------------------------------------------------------------------

    def remains(self) -> list[str]:
        """What an earlier rehearsal left: what it wrote down, and what bears its mark. Audios come before videos."""
        kept = self._record.ids
        since, until = self._window(timedelta(days=_REMAINS_DAYS))
        marked = [
            str(row["asset_id"])
            for row in self._service.listed(since, until)
            if _marked(Shown(Reply(), row)) and not Shown(Reply(), row).absent
        ]
        return [*kept, *(one for one in marked if one not in kept)]

    def clean(self, ids: Sequence[str] | None = None) -> list[str]:
        """Delete what was made, and wait until it is gone; returns the ids that are still there."""
        wanted = self._record.ids if ids is None else list(ids)
        for asset_id in wanted:
            self._progress(f"removing asset {asset_id}")
            self._service.delete([asset_id])
        left = []
        for asset_id in wanted:
            if self._gone(asset_id):
                self._record.remove(asset_id)
            else:
                left.append(asset_id)
        return left

    def _gone(self, asset_id: str) -> bool:
        """Whether the asset is gone within the time that a deletion may take. One that is worked on is asked again."""
        again = 0.0
        for shown in self._looks(asset_id, self._waits.deletion):
            if shown.absent or shown.kind == "DELETED":
                return True
            if shown.kind != "DELETING" and self._clock() >= again:
                self._service.delete([asset_id])
                again = self._clock() + 2.0
        return False

    # -- the questions, in order ---------------------------------------------------------------------------------

    def _unknown_ids(self) -> None:
        unknown = uuid.uuid4().hex
        shown = self._service.show(unknown)
        self._found("absence", shown.kind, f"{shown.reply}, status {shown.status!r}")
        details = self._service.ask("asking for details", "GET", "/asset/details", query=[("asset_id", unknown)])
        self._found("details_of_absent", f"http_{details.status}", str(details))

    def _gateway(self) -> None:
        reply = self._wrong.ask("sending a wrong signature", "GET", "/asset/list", query=[("size", "1")])
        self._found("gateway_prefix", reply.code.partition(".")[0], str(reply))

    def _permissions(self, source: str) -> None:
        if self._denied is None:
            for name in ("denied_code", "iam_first"):
                self._found(name, "", "no second key was given")
            return
        unknown = [("asset_id", uuid.uuid4().hex)]
        ask = self._denied.ask
        there = ask("asking without permission", "GET", "/asset/info", query=[("asset_id", source)])
        changing = ask("deleting without permission", "DELETE", "/asset", query=unknown)
        self._found("denied_code", "" if there.ok else there.code, str(there))
        if changing.ok or changing.code not in {there.code, "VOD.10062"}:
            self._found("iam_first", "", f"query: {there}; deletion of an unknown id: {changing}")
        else:
            self._found("iam_first", "no" if changing.not_found else "yes", str(changing))

    def _extraction(self, source: str) -> str | None:
        """The main extraction, from beginning to end; returns the audio, if there is one."""
        audio, accepted = self._extract(source, "MP3")
        if audio is None:
            self._found("audio_id", "", str(accepted))
            return None
        form = "hex" if re.fullmatch("[0-9a-f]{32}", audio) else "digits" if audio.isdecimal() else "other"
        self._found("audio_id", form, audio)
        by_type: list[bool] = []
        followed = self._follow(audio, source, listing=True, by_type=by_type)
        self._found("new_by_id_after_s", _seconds(followed.by_id), f"statuses: {' -> '.join(followed.statuses)}")
        self._found("new_in_listings_after_s", _seconds(followed.listed), "by start_time and end_time")
        self._found("media_type", "" if not by_type else "yes" if by_type[0] else "no", "in /asset/list")
        self._found("extraction_done", followed.end, f"statuses: {' -> '.join(followed.statuses)}")
        last = followed.last
        if last is None or followed.end not in DONE:
            return None
        codec, size = str(last.meta("codec") or ""), last.meta("video_size")
        unknown = codec in {"", "UNKNOWN"} and not size
        self._found("audio_facts", "unknown" if unknown else "measured", f"codec {codec!r}, video_size {size!r}")
        title, description = last.base("title"), last.base("description")
        self._found("audio_title", self._title(last), repr(title))
        named = "source" if description == self._description else "empty" if not description else "other"
        self._found("audio_description", "names_source" if source in description else named, repr(description))
        return audio

    def _queue(self, source: str) -> None:
        """Several at once, so that the later ones wait: two are cancelled, by the audio's id and by the source's."""
        ids = [self._extract(source, audio_format)[0] for audio_format in (None, "AAC", "MP3", "AAC", "MP3")]
        accepted = [one for one in ids if one is not None]
        if len(accepted) < len(ids):
            self._found("cancel_takes", "", f"{len(accepted)} of {len(ids)} extractions were accepted")
            return
        by_audio, by_source = self._service.cancel(accepted[-1]), self._service.cancel(source)
        evidence = f"by the audio's id: {by_audio}; by the source's: {by_source}"
        self._found("cancel_takes", _cancel_takes(by_audio, by_source), evidence)
        for one in reversed(accepted):  # the later ones first: they may still wait
            self._note(self._service.show(one), source)
        ends = [self._follow(one, source) for one in accepted]
        cancelled = [it for it in ends if it.end in {"CANCELLED", "removed"}]
        self._found(
            "extraction_cancelled",
            cancelled[0].end if cancelled and (by_audio.ok or by_source.ok) else "",
            "; ".join(" -> ".join(it.statuses) for it in ends),
        )
        first = ends[0].last
        packed = str(first.meta("pack_type") or first.base("video_type")) if first and ends[0].end in DONE else ""
        self._found("default_format", packed.upper(), packed)

    def _found_statuses(self, before: str) -> None:
        """What was seen of all extractions while they ran."""
        working = [one for one in self._statuses if one in WORKING]
        running = "WAITING_TRANSCODE" if "WAITING_TRANSCODE" in working else working[0] if working else ""
        self._found("extraction_running", running, ", ".join(dict.fromkeys(self._statuses)) or "done at the first look")
        others = self._source_statuses - {before}
        seen = ("unchanged" if not others else min(others)) if self._source_statuses else ""
        self._found("source_while_extracted", seen, f"{before}, then {', '.join(sorted(self._source_statuses))}")

    def _metadata(self, audio: str) -> None:
        update = self._service.ask
        wanted = f"{MARK} {self.run_id}, changed"
        reply = update("setting a description", "PUT", "/asset/info", body={"asset_id": audio, "description": wanted})
        after = self._service.show(audio).base("description")
        seen = "refused" if not reply.ok else "taken" if after == wanted else "ignored"
        self._found("description_change", seen, f"{reply}; then {after!r}")
        body = {"asset_id": audio, "category_id": 2_000_000_001}
        reply = update("setting an unknown category", "PUT", "/asset/info", body=body)
        self._found("unknown_category", "taken" if reply.ok else "refused", str(reply))
        reply = update("publishing", "POST", "/asset/status/publish", body={"asset_id": [audio]})
        self._found("publishing", self._service.show(audio).kind if reply.ok else reply.code, str(reply))

    def _failure(self) -> None:
        """Extract from a clip whose sound is damaged, to see how a failure shows."""
        source = self._upload("a damaged clip", damaged(self._clip))
        shown = self._until(source, lambda it: it.kind in DONE | FAILED)
        if shown.kind not in DONE:
            self._found("extraction_failed", "", f"the damaged clip itself is {shown.kind}")
            return
        audio, reply = self._extract(source, "MP3")
        if audio is None:
            self._found("extraction_failed", "", f"refused at once: {reply}")
            return
        followed = self._follow(audio, source)
        seen = followed.end if followed.end not in DONE else ""
        self._found("extraction_failed", seen, f"statuses: {' -> '.join(followed.statuses)}")

    def _events(self) -> None:
        if self._callbacks is None:
            for name in ("event_body", "event_name", "event_timestamp"):
                self._found(name, "", "vod:events is not set")
            return
        end = self._clock() + self._waits.callback
        while not (one := next((it for it in self._callbacks if _extraction_event(it)), None)) and self._clock() < end:
            self._progress("waiting for a callback")
            self._sleep(0.5)
        if one is None:
            for name in ("event_body", "event_name", "event_timestamp"):
                self._found(name, "", f"{len(self._callbacks)} callbacks came, and none was of an extraction")
            return
        body = "envelope" if one.envelope is not None else "bare"
        signed = one.signs(one.message, self._key) or one.signs(one.body, self._key)
        self._found("event_body", body, f"{'signed as assumed' if signed else 'NOT signed as assumed'}: {one.body}")
        self._found("event_name", str(one.event.get("event_type")), one.message)
        timestamp = one.headers.get("auth_timestamp", "")
        unit = ("milliseconds" if len(timestamp) >= 13 else "seconds") if timestamp.isdecimal() else timestamp
        self._found("event_timestamp", unit, timestamp)

    def _deletions(self) -> None:
        """Single, several, and unknown ids, on clips that were uploaded for it."""
        single, *several, mixed = [self._upload("a clip to delete") for _ in range(6)]
        for one in (single, *several, mixed):
            self._until(one, lambda it: it.kind in DONE | FAILED)
        self._deletion(single)
        commas = self._service.delete(several[:2])
        repeated = self._service.delete(several[2:], repeated=True)
        evidence = f"commas: {commas[0]} {commas[1]}; repeated: {repeated[0]} {repeated[1]}"
        both = [list(results.values()) == ["DELETED"] * 2 for _, results in (commas, repeated)]
        self._found("delete_ids", _delete_ids(both, commas[0], repeated[0]), evidence)
        unknown = uuid.uuid4().hex
        reply, results = self._service.delete([unknown])
        if not reply.not_found:
            self._found("delete_of_absent", results.get(unknown, "") if reply.ok else "", f"{reply} {results}")
            return
        mixture, _ = self._service.delete([mixed, unknown], repeated=not both[0])
        seen = "refused_if_any" if mixture.not_found else "refused_if_none"
        self._found("delete_of_absent", seen, f"alone: {reply}; beside one that exists: {mixture}")

    def _deletion(self, asset_id: str) -> None:
        began = self._clock()
        reply, results = self._service.delete([asset_id])
        if results.get(asset_id) != "DELETED":
            for name in ("deletion_s", "deletion_shows", "deleted_id"):
                self._found(name, "", f"{reply} {results}")
            return
        statuses: list[str] = []
        for shown in self._looks(asset_id, self._waits.deletion):
            if shown.absent:
                break
            statuses.append(shown.kind)
        took = self._clock() - began
        evidence = f"{' -> '.join(dict.fromkeys(statuses)) or 'absent at the first look'}, then {shown.kind}"
        self._found("deletion_s", _seconds(took if shown.absent else None), evidence)
        kept = statuses[0] if statuses else ""
        self._found("deletion_shows", kept if kept in {"DELETING", "DELETED", ""} else "unchanged", evidence)
        absence = self.findings["absence"].seen
        self._found("deleted_id", "as unknown" if shown.absent and shown.kind == absence else shown.kind, evidence)

    # -- small parts -----------------------------------------------------------------------------------------------

    def _found(self, name: str, seen: str, evidence: str) -> None:
        self.findings[name] = Finding(BY_NAME[name], seen, evidence)
        self._progress(f"{name}: {seen or 'open'}")

    @property
    def _description(self) -> str:
        return f"{MARK} {self.run_id}; it may be deleted"

    def _title(self, audio: Shown) -> str:
        title = audio.base("title")
        if title == f"{MARK} {self.run_id}":
            return "source"
        return "empty" if not title else "file_name" if title.startswith(FILE_MARK) else "other"

    def _upload(self, what: str, content: bytes | None = None) -> str:
        self._progress(f"uploading {what}")
        title, name = f"{MARK} {self.run_id}", f"{FILE_MARK}{self.run_id}.mp4"
        content = self._clip if content is None else content
        return self._service.upload(title, name, self._description, content, self._record.add)

    def _extract(self, source: str, audio_format: str | None) -> tuple[str | None, Reply]:
        reply = self._service.extract(source, audio_format)
        audio = str(reply.body.get("audio_asset_id") or "")
        if audio:
            self._record.add(audio)
        return audio or None, reply

    def _window(self, back: timedelta) -> tuple[str, str]:
        """A time from some while ago until tomorrow, whatever VOD's clock says."""
        begin, end = self._now() - back, self._now() + timedelta(days=1)
        return begin.strftime("%Y%m%d%H%M%S"), end.strftime("%Y%m%d%H%M%S")

    def _looks(self, asset_id: str, seconds: float) -> Iterator[Shown]:
        """The asset again and again, quickly at first, for at most that long; at least once."""
        began = self._clock()
        while True:
            yield self._service.show(asset_id)
            elapsed = self._clock() - began
            if elapsed >= seconds:
                return
            self._sleep(0.15 if elapsed < 5 else 2.0)

    def _until(self, asset_id: str, reached: Callable[[Shown], bool]) -> Shown:
        for shown in self._looks(asset_id, self._waits.extraction):
            if reached(shown):
                break
        return shown

    def _follow(self, audio: str, source: str, *, listing: bool = False, by_type: list[bool] | None = None) -> Followed:
        """Watch an extraction until it has ended, and until it is in listings where that is asked."""
        began = self._clock()
        followed = Followed()
        absent_since = began
        for shown in self._looks(audio, self._waits.extraction):
            now = self._clock()
            followed.last = shown
            followed.note(shown.kind)
            if not shown.absent:
                absent_since = now
                if followed.by_id is None:
                    followed.by_id = now - began
                self._note(shown, source)
            if listing and followed.listed is None and self._is_listed(audio):
                followed.listed = self._clock() - began
                if by_type is not None and shown.kind in WORKING:
                    by_type.append(self._is_listed(audio, media_type="MP3"))
            ended = shown.kind in DONE | FAILED or now - absent_since >= self._waits.grace
            if ended and (not listing or followed.listed is not None or now - began >= self._waits.listing):
                return followed
        return followed

    def _note(self, audio: Shown, source: str) -> None:
        """Remember the status of an audio, and that of its source while it is being extracted."""
        if not audio.absent:
            self._statuses.append(audio.kind)
        if audio.kind in WORKING:
            self._source_statuses.add(self._service.show(source).kind)

    def _is_listed(self, asset_id: str, media_type: str | None = None) -> bool:
        since, until = self._window(timedelta(days=1))
        query = [("start_time", since), ("end_time", until), ("page", "0"), ("size", "100")]
        if media_type is None:
            rows = self._service.ask("listing assets", "GET", "/asset/info", query=query).rows()
        else:
            typed = [*query, ("media_type", media_type)]
            rows = self._service.ask("listing assets", "GET", "/asset/list", query=typed).rows("assets")
        return any(str(row.get("asset_id")) == asset_id for row in rows)


def damaged(clip: bytes) -> bytes:
    """The clip with noise in place of its frames; what it says of itself stays."""
    begin = clip.find(b"mdat") + 4
    noise = bytes((37 * index + 11) % 251 for index in range(len(clip) - begin))
    return clip[:begin] + noise


def _marked(shown: Shown) -> bool:
    return (
        shown.base("title").startswith(MARK)
        or shown.base("video_name").startswith(FILE_MARK)
        or shown.base("description").startswith(MARK)
    )


def _seconds(value: float | None) -> str:
    """Seconds to a tenth; what shows at the first look takes none."""
    return "" if value is None else "0" if value < 0.3 else f"{value:.1f}"


def _cancel_takes(by_audio: Reply, by_source: Reply) -> str:
    """Whose id was understood. VOD.10083 says that it was, and that nothing was queued, unless the other one worked."""
    if by_audio.ok or by_source.ok:
        return "either" if by_audio.ok and by_source.ok else "audio" if by_audio.ok else "source"
    understood = [reply.code == "VOD.10083" for reply in (by_audio, by_source)]
    return {(True, False): "audio", (False, True): "source"}.get((understood[0], understood[1]), "")


def _delete_ids(both: Sequence[bool], commas: Reply, repeated: Reply) -> str:
    if all(both):
        return "either"
    if both[0]:
        return "commas_else_first" if repeated.ok else "commas_else_refused"
    if both[1]:
        return "repeated_else_first" if commas.ok else "repeated_else_refused"
    return ""


def _extraction_event(callback: Callback) -> bool:
    return str(callback.event.get("event_type", "")).lower() == "audioextractcomplete"

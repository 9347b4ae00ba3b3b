"""What a rehearsal has found: a table for people, and JSON without secrets for a bug report. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from vod_provider._version import __version__
from vod_provider.cli import layout
from vod_provider.cli.rehearse.questions import QUESTIONS, Finding


def ordered(findings: Mapping[str, Finding]) -> list[Finding]:
    """The findings in the order of the questions; one that was not reached is open."""
    return [findings.get(one.name, Finding(one, "", "not reached")) for one in QUESTIONS]


def dialects(findings: Iterable[Finding]) -> dict[str, str]:
    """The dialect of the local VOD that fits: each that was settled, by name."""
    return {it.question.name: it.seen for it in findings if it.question.dialect and it.settled}


def command(findings: Iterable[Finding]) -> str:
    """How the local VOD is started so that it does as the service does, as far as that differs from its defaults."""
    differing = [it for it in findings if it.question.dialect and it.settled and not it.as_assumed]
    return " ".join(["vod-local serve", *(f"--dialect {it.question.name}={it.seen}" for it in differing)])


def table(findings: Sequence[Finding]) -> Iterator[str]:
    """Each question with what was assumed, what was seen and what follows."""
    rows = [
        (it.question.name, it.question.assumed or "-", layout.clip(layout.clean(it.seen) or "?", 24), it.follows)
        for it in findings
    ]
    head = ("QUESTION", "ASSUMED", "SEEN")
    widths = [max(layout.columns(row[index]) for row in [head, *rows]) for index in range(3)]
    room = layout.WIDTH - sum(widths) - 6
    for row in [(*head, "WHAT FOLLOWS"), *rows]:
        for index, line in enumerate(layout.wrap(row[3], room)):
            cells = row[:3] if index == 0 else ("", "", "")
            padded = (cell + " " * (width - layout.columns(cell)) for cell, width in zip(cells, widths, strict=True))
            yield "  ".join([*padded, line])
    settled = sum(it.settled for it in findings)
    yield ""
    yield f"{settled} of {len(findings)} questions settled, {sum(it.as_assumed for it in findings)} as assumed."
    yield "The dialect of the local VOD that fits:"
    yield from layout.paragraph(command(findings), "  ")
    yield from layout.paragraph(
        "What no answer shows is whether VOD bills extractions that failed or were cancelled: the account's bill tells."
    )


def as_json(
    findings: Sequence[Finding], *, endpoint: str, secrets: Iterable[str], left: Sequence[str]
) -> dict[str, Any]:
    """All of it. `secrets` are masked wherever they stand: keys, tokens, and the project's id."""
    document = {
        "version": __version__,
        "endpoint": endpoint,
        "findings": [
            {
                "name": it.question.name,
                "question": it.question.asks,
                "assumed": it.question.assumed,
                "seen": it.seen or None,
                "as_assumed": it.as_assumed,
                "follows": it.follows,
                "evidence": layout.clip(layout.clean(it.evidence), 2000),
            }
            for it in findings
        ],
        "dialects": dialects(findings),
        "command": command(findings),
        "left_behind": list(left),
    }
    masked: dict[str, Any] = _masked(document, [one for one in secrets if one])
    return masked


def _masked(value: Any, secrets: Sequence[str]) -> Any:
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, "***")
        return value
    if isinstance(value, dict):
        return {key: _masked(one, secrets) for key, one in value.items()}
    if isinstance(value, list):
        return [_masked(one, secrets) for one in value]
    return value

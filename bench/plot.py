"""A bar chart as SVG, on a logarithmic scale. Made by hand: four colours and a few rectangles need no library."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape

COLOURS = ("#0b6e99", "#8a8f98", "#c7881a", "#b3403a")
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 760, 420, 60, 90, 40
BAR, GAP = 44, 8

Value = tuple[float, bool] | None


def bars(title: str, sizes: Sequence[int], values: Mapping[str, Sequence[Value]]) -> str:
    """One group of bars for each size; a value is seconds and whether they are extrapolated, which is drawn hollow."""
    top = 10 ** math.ceil(math.log10(max([value[0] for row in values.values() for value in row if value] or [10])))

    def y(seconds: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * math.log10(max(1.0, seconds)) / math.log10(top)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"',
        ' font-family="sans-serif" font-size="12">',
        f'<title>{escape(title)}</title><rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="{LEFT}" y="24" font-size="16" font-weight="bold">{escape(title)}</text>',
    ]
    for number, label in enumerate(values):
        x, line = LEFT + 340 * (number % 2), 46 + 20 * (number // 2)
        parts.append(f'<rect x="{x}" y="{line - 10}" width="12" height="12" fill="{COLOURS[number]}"/>')
        parts.append(f'<text x="{x + 18}" y="{line}">{escape(label)}</text>')
    for power in range(int(math.log10(top)) + 1):
        at = y(10**power)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - 10}" y1="{at:.1f}" y2="{at:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{10**power:,} s</text>')
    group = (WIDTH - LEFT - 10) / len(sizes)
    for column, size in enumerate(sizes):
        start = LEFT + column * group + (group - len(values) * (BAR + GAP)) / 2
        for number, row in enumerate(values.values()):
            left = start + number * (BAR + GAP)
            parts += _bar(left, row[column], COLOURS[number], y)
        middle = LEFT + (column + 0.5) * group
        parts.append(f'<text x="{middle:.1f}" y="{HEIGHT - 14}" text-anchor="middle">{size:,} audios</text>')
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def _bar(x: float, value: Value, colour: str, y: Callable[[float], float]) -> list[str]:
    if value is None:
        return []
    seconds, extrapolated = value
    fill = (
        f'fill="none" stroke-dasharray="4" stroke-width="2" stroke="{colour}"' if extrapolated else f'fill="{colour}"'
    )
    height = HEIGHT - BOTTOM - y(seconds)
    text = f"{seconds:,.0f}" if seconds >= 20 else f"{seconds:.1f}"
    return [
        f'<rect x="{x:.1f}" y="{y(seconds):.1f}" width="{BAR}" height="{height:.1f}" {fill}/>',
        f'<text x="{x + BAR / 2:.1f}" y="{y(seconds) - 5:.1f}" text-anchor="middle">{text}</text>',
    ]

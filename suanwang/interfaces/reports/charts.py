"""Charts as inline SVG: bars over years, a tornado, a histogram. Colours are told apart in grey too."""

from collections.abc import Callable, Sequence
from html import escape

WIDTH, HEIGHT, LEFT, BOTTOM = 720, 260, 70, 34
GOOD, BAD, LINE, GREY = "#1b7f5c", "#c8553d", "#1f3b73", "#8a8f98"


Show = Callable[[float], str]
"""Gives a figure as a label: 1.2 M."""


def _svg(body: str, label: str, height: float = HEIGHT) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(label)}" '
        f'xmlns="http://www.w3.org/2000/svg" font-size="12" font-family="sans-serif">{body}</svg>'
    )


def _text(x: float, y: float, words: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#333">{escape(words)}</text>'


def _bar(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{max(height, 0.5):.1f}" fill="{colour}"/>'


def years(values: Sequence[float], sums: Sequence[float], label: str, show: Show = str) -> str:
    """Bars of each year's flow and a line of their sum."""
    low, high = min(0.0, *values, *sums), max(0.0, *values, *sums)
    span, plot = (high - low) or 1.0, HEIGHT - BOTTOM - 14
    step = (WIDTH - LEFT - 10) / len(values)

    def y(value: float) -> float:
        return 14 + (high - value) / span * plot

    parts = [
        f'<line x1="{LEFT}" x2="{WIDTH - 10}" y1="{y(v):.1f}" y2="{y(v):.1f}" stroke="#ccc"/>'
        + _text(LEFT - 6, y(v) + 4, show(v), "end")
        for v in dict.fromkeys((low, 0.0, high))
    ]
    for i, value in enumerate(values):
        x = LEFT + i * step + step * 0.15
        parts.append(_bar(x, y(max(value, 0)), step * 0.7, abs(y(value) - y(0)), GOOD if value >= 0 else BAD))
        parts.append(_text(x + step * 0.35, HEIGHT - 12, str(i)))
    points = " ".join(f"{LEFT + (i + 0.5) * step:.1f},{y(v):.1f}" for i, v in enumerate(sums))
    parts.append(f'<polyline points="{points}" fill="none" stroke="{LINE}" stroke-width="2.5"/>')
    return _svg("".join(parts), label)


def tornado(rows: Sequence[tuple[str, float, float]], planned: float, label: str, show: Show = str) -> str:
    """A bar for each (name, result at its low, result at its high) around the planned result."""
    if not rows:
        return ""
    low = min(planned, *(min(a, b) for _, a, b in rows))
    high = max(planned, *(max(a, b) for _, a, b in rows))
    span, left, room = (high - low) or 1.0, 210, 26
    scale = (WIDTH - left - 60) / span
    parts = []
    for i, (name, at_low, at_high) in enumerate(rows):
        top = 8 + i * room
        parts.append(_text(left - 8, top + 14, name, "end"))
        for value, colour in ((at_low, GREY), (at_high, LINE)):
            start = left + (min(value, planned) - low) * scale
            parts.append(_bar(start, top, abs(value - planned) * scale, room - 8, colour))
    bottom = 8 + len(rows) * room
    middle = left + (planned - low) * scale
    parts.append(f'<line x1="{middle:.1f}" x2="{middle:.1f}" y1="4" y2="{bottom}" stroke="#000"/>')
    for value, x in ((low, float(left)), (high, left + span * scale)):
        parts.append(_text(x, bottom + 16, show(value)))
    return _svg("".join(parts), label, bottom + 24)


def histogram(edges: Sequence[float], counts: Sequence[int], label: str, show: Show = str) -> str:
    """Bars of counts; those below 0 in another colour."""
    most, plot = max(counts) or 1, HEIGHT - BOTTOM - 10
    step = (WIDTH - LEFT - 10) / len(counts)
    parts = [
        _bar(
            LEFT + i * step,
            10 + plot * (1 - n / most),
            step * 0.9,
            plot * n / most,
            BAD if edges[i] + edges[i + 1] < 0 else GOOD,
        )
        for i, n in enumerate(counts)
    ]
    marks = ((0, "start"), (len(counts) // 2, "middle"), (len(counts), "end"))
    parts += [_text(LEFT + i * step, HEIGHT - 10, show(edges[i]), anchor) for i, anchor in marks]
    return _svg("".join(parts), label)


LINES = ("#1f3b73", "#c8553d", "#1b7f5c", "#b8860b", "#7a4fa3", "#4c7a9c")
DASHES = ("", "6 3", "2 2", "8 3 2 3", "10 4", "1 3")
"""Lines are told apart in grey too."""


def lines(series: Sequence[tuple[str, Sequence[float]]], label: str, show: Show = str) -> str:
    """A line for each (name, values at 0, 1, 2 …), named beside the drawing."""
    low = min(0.0, *(min(values) for _, values in series))
    high = max(0.0, *(max(values) for _, values in series))
    last, room, span = max(len(values) for _, values in series) - 1, 18, (high - low) or 1.0
    plot, height = HEIGHT - BOTTOM - 14, HEIGHT + room * len(series)

    def x(index: float) -> float:
        return LEFT + index / (last or 1) * (WIDTH - LEFT - 20)

    def y(value: float) -> float:
        return 14 + (high - value) / span * plot

    parts = [
        f'<line x1="{LEFT}" x2="{WIDTH - 20}" y1="{y(v):.1f}" y2="{y(v):.1f}" stroke="#ccc"/>'
        + _text(LEFT - 6, y(v) + 4, show(v), "end")
        for v in dict.fromkeys((low, 0.0, high))
    ]
    parts += [_text(x(i), HEIGHT - 12, str(i)) for i in range(0, last + 1, max(1, last // 6))]
    for i, (name, values) in enumerate(series):
        colour, dash = LINES[i % len(LINES)], DASHES[i % len(DASHES)]
        style = f'fill="none" stroke="{colour}" stroke-width="2.2" stroke-dasharray="{dash}"'
        points = " ".join(f"{x(k):.1f},{y(v):.1f}" for k, v in enumerate(values))
        beside = HEIGHT + 4 + i * room
        parts.append(f'<polyline points="{points}" {style}/>')
        parts.append(f'<polyline points="{LEFT},{beside} {LEFT + 34},{beside}" {style}/>')
        parts.append(_text(LEFT + 42, beside + 4, name, "start"))
    return _svg("".join(parts), label, height)


def bars(rows: Sequence[tuple[str, float]], label: str, show: Show = "{:,.0f}".format) -> str:
    """A bar for each named amount (from 0), one under another."""
    height, most = 26, max((value for _, value in rows), default=0.0) or 1.0
    room = WIDTH - 2 * LEFT - 160
    parts = []
    for i, (name, value) in enumerate(rows):
        y = 8 + i * height
        parts.append(_text(LEFT + 84, y + 14, name[:22], "end"))
        parts.append(_bar(LEFT + 92, y, value / most * room, height - 8, LINE))
        parts.append(_text(LEFT + 98 + value / most * room, y + 14, show(value), "start"))
    return _svg("".join(parts), label, 16 + len(rows) * height)

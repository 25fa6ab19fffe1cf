"""Charts of a replay as inline SVG: lines over time, and bars with a bound. Lines differ in dashes as in colour."""

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 860, 300, 64, 44, 26
COLOURS = ("#1f3b73", "#c8553d", "#1b7f5c", "#8a5fb0", "#b08900", "#4a4a4a")
DASHES = ("", "6 3", "2 2", "8 3 2 3", "1 3", "10 4")

Line = tuple[str, Sequence[float], Sequence[float]]
"""Name, the edges of the steps, and the mean of each step."""


def lines(series: Sequence[Line], label: str, unit: str) -> str:
    """Steps over time, one line a result; the axis begins at 0."""
    most = max((max(values, default=0.0) for _, _, values in series), default=0.0) or 1.0
    first, last = min(at[0] for _, at, _ in series), max(at[-1] for _, at, _ in series)
    width, height = WIDTH - LEFT - 12, HEIGHT - TOP - BOTTOM

    def x(value: float) -> float:
        return LEFT + (value - first) / ((last - first) or 1.0) * width

    def y(value: float) -> float:
        return TOP + height * (1 - value / most)

    parts = [_grid_line(y(v), f"{v:,.4g}") for v in (0.0, most / 2, most)]
    parts += [_text(x(v), HEIGHT - 24, f"{v:,.0f}") for v in (first, (first + last) / 2, last)]
    parts.append(_text(LEFT + width / 2, HEIGHT - 6, unit))
    for number, (name, at, values) in enumerate(series):
        points = " ".join(f"{x(at[i]):.1f},{y(v):.1f} {x(at[i + 1]):.1f},{y(v):.1f}" for i, v in enumerate(values))
        style = _style(number)
        parts.append(f'<polyline points="{points}" fill="none" {style}/>')
        begin = LEFT + number * (width / max(len(series), 1))
        parts.append(f'<line x1="{begin:.0f}" x2="{begin + 22:.0f}" y1="10" y2="10" {style}/>')
        parts.append(_text(begin + 28, 14, name, "start"))
    return _svg("".join(parts), label, HEIGHT)


def bars(names: Sequence[str], values: Sequence[float], label: str, bounds: Sequence[float] = ()) -> str:
    """A bar a result; a mark where its bound is."""
    most, room, left = max([*values, *bounds]) or 1.0, 26, 330
    scale = (WIDTH - left - 90) / most
    parts = []
    for i, (name, value) in enumerate(zip(names, values, strict=True)):
        top = 6 + i * room
        parts.append(_text(left - 8, top + 14, name, "end"))
        parts.append(
            f'<rect x="{left}" y="{top}" width="{max(value * scale, 0.5):.1f}" height="{room - 8}" '
            f'fill="{COLOURS[0]}"/>'
        )
        parts.append(_text(left + value * scale + 6, top + 14, f"{value:,.4g}", "start"))
        if bounds:
            at = left + bounds[i] * scale
            parts.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{top - 2}" y2="{top + room - 6}" stroke="#c8553d"/>')
    return _svg("".join(parts), label, 12 + len(names) * room)


def _style(number: int) -> str:
    dash = DASHES[number % len(DASHES)]
    return f'stroke="{COLOURS[number % len(COLOURS)]}" stroke-width="1.8"' + (
        f' stroke-dasharray="{dash}"' if dash else ""
    )


def _grid_line(y: float, words: str) -> str:
    return f'<line x1="{LEFT}" x2="{WIDTH - 12}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>' + _text(
        LEFT - 6, y + 4, words, "end"
    )


def _text(x: float, y: float, words: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#333">{escape(words)}</text>'


def _svg(body: str, label: str, height: float) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(label)}" '
        f'xmlns="http://www.w3.org/2000/svg" font-size="12" font-family="sans-serif">{body}</svg>'
    )

"""Pieces of SVG, and a file of it: as SVG, or as PNG where the name ends so."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

import typst

from suanwang.errors import InvalidInput, Problem, msg, why_not_read

INK, GREY, BLUE, GREEN, RED = "#222222", "#8a8f98", "#1f3b73", "#1b7f5c", "#c8553d"
PPI = 144


def svg(width: float, height: float, body: Sequence[str], label: str) -> str:
    """A whole picture on white, with a text for those who cannot see it."""
    size = f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}"'
    style = 'font-size="12" font-family="Noto Sans CJK SC, sans-serif"'
    paper = '<rect width="100%" height="100%" fill="#ffffff"/>'
    told = f'role="img" aria-label="{escape(label)}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {told} {style}>{paper}{"".join(body)}</svg>'


def text(x: float, y: float, words: str, anchor: str = "middle", size: int = 12, colour: str = INK) -> str:
    """Words at a place; `anchor`: start, middle or end."""
    at = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"'
    return f'<text {at} fill="{colour}">{escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, colour: str = GREY, width: float = 1.0) -> str:
    """A straight line."""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width:.2f}"/>'
    )


def dot(x: float, y: float, radius: float, colour: str, title: str = "") -> str:
    """A disc; `title` is shown when it is pointed at."""
    told = f"<title>{escape(title)}</title>" if title else ""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{colour}" stroke="#ffffff">{told}</circle>'


def box(x: float, y: float, width: float, height: float, colour: str, title: str = "") -> str:
    """A filled rectangle; `title` is shown when it is pointed at."""
    told = f"<title>{escape(title)}</title>" if title else ""
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.2f}" height="{height:.2f}" fill="{colour}">{told}</rect>'


def write_picture(path: str, picture: str) -> None:
    """Write a picture: PNG where the name ends in .png, else SVG. Raises InvalidInput where that cannot be."""
    file = Path(path)
    if file.suffix.lower() not in (".svg", ".png"):
        what = msg("a picture is .svg or .png.")
        raise InvalidInput([Problem(path, what, msg("Give a name that ends so."))])
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(png(picture) if file.suffix.lower() == ".png" else picture.encode())
    except OSError as error:
        why = msg("The file cannot be written: {why}.", why=why_not_read(error))
        raise InvalidInput([Problem(path, why, msg("Check the path and its rights."))]) from error


def png(picture: str) -> bytes:
    """The same as PNG at 144 dots an inch."""
    source = '#set page(width: auto, height: auto, margin: 0pt)\n#image(bytes(sys.inputs.picture), format: "svg")'
    made = typst.compile(source.encode(), format="png", ppi=PPI, sys_inputs={"picture": picture})
    return bytes(made if isinstance(made, bytes) else made[0])

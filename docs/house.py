"""Draws docs/house.svg, the picture of the layers that the README shows (`make docs`)."""

from pathlib import Path

FLOORS = (
    (("interfaces", "command line · console and API to come"),),
    (("sdk", "the verbs as Python calls"),),
    (("bootstrap", "settings → adapters → services"),),
    (("adapters", "stores · engines · catalog · clock"), ("service", "submit · tick · settlement")),
    (("ports", "what services need"), ("settings", "one table"), ("schemas", "files ↔ nouns")),
    (("replay", "policies over a trace"), ("feasibility", "does a site pay back")),
    (("estimate", "what it needs"), ("place", "where and when"), ("schedule", "who runs now"), ("settle", "who pays")),
    (("domain", "the nouns and what must always hold of them"),),
    (("units", "scales"), ("errors", "the one tree of refusals")),
)
WIDTH, FLOOR, GAP, MARGIN = 760, 54, 8, 16
STYLE = (
    "text{font-family:system-ui,-apple-system,'Segoe UI','Noto Sans CJK SC',sans-serif;text-anchor:middle}"
    ".n{font-size:15px;font-weight:600;fill:#0f3d3e}.d{font-size:12px;fill:#3c5a5b}"
    "rect{fill:#e9f2f1;stroke:#1f6f70;stroke-width:1.2}.pure rect{fill:#fdf6e3;stroke:#8a6d1b}"
)


def picture() -> str:
    """The layers as floors, the highest first; the pure ones (no I/O) in another colour."""
    height = 2 * MARGIN + len(FLOORS) * (FLOOR + GAP) - GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="The layers of suanwang: each may import only those below it"><style>{STYLE}</style>'
    ]
    for number, rooms in enumerate(FLOORS):
        top = MARGIN + number * (FLOOR + GAP)
        room_width = (WIDTH - 2 * MARGIN - GAP * (len(rooms) - 1)) / len(rooms)
        parts.append(f'<g class="{"pure" if number >= 5 else "open"}">')
        for index, (name, does) in enumerate(rooms):
            left = MARGIN + index * (room_width + GAP)
            middle = left + room_width / 2
            parts.append(
                f'<rect x="{left:.1f}" y="{top}" width="{room_width:.1f}" height="{FLOOR}" rx="6"/>'
                f'<text class="n" x="{middle:.1f}" y="{top + 23}">{name}</text>'
                f'<text class="d" x="{middle:.1f}" y="{top + 42}">{does}</text>'
            )
        parts.append("</g>")
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    Path(__file__).with_name("house.svg").write_text(picture(), encoding="utf-8")

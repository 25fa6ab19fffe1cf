"""Three pictures: a workload's options by finish time and cost, flows between hubs, prices by pool and hour."""

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from math import cos, radians

from suanwang.domain.geography import City
from suanwang.domain.placement import Option
from suanwang.domain.site import Grid, Site
from suanwang.interfaces.pictures.svg import BLUE, GREEN, GREY, INK, RED, box, dot, line, svg, text

WIDTH, LEFT, TOP, RIGHT = 860.0, 150.0, 40.0, 120.0
COLD, HOT = (238, 244, 250), (140, 28, 19)


def cost_and_time(options: Sequence[Option], title: str, axes: tuple[str, str]) -> str:
    """A dot for each option: when it ends, what it costs in all; larger where it emits more CO2."""
    height, low = 420.0, 360.0
    if not options:
        return svg(WIDTH, 80, [text(WIDTH / 2, 40, title)], title)
    first = min(o.end for o in options)
    hours = [(o.end - first).total_seconds() / 3600 for o in options]
    costs = [float(o.total.decimal) for o in options]
    kg = max(max(o.carbon_kg_location for o in options), 1e-9)
    span_h, least, most = max(max(hours), 1e-9), min(costs), max(costs)
    span = max(most - least, most * 1e-6, 1e-9)
    x = [90 + h / span_h * (WIDTH - 130) for h in hours]
    y = [low - (c - least) / span * (low - 70) for c in costs]
    path = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    body = [
        text(WIDTH / 2, 24, title, size=15),
        line(80, low + 10, WIDTH - 20, low + 10, INK),
        line(80, 50, 80, low + 10, INK),
        f'<polyline points="{path}" fill="none" stroke="{GREY}" stroke-dasharray="4 3"/>',
        text(WIDTH / 2, height - 8, axes[0]),
        text(14, 46, axes[1], "start"),
        *(text(74, low - share * (low - 70) + 4, f"{least + share * span:,.2f}", "end") for share in (0, 0.5, 1)),
        *(text(90 + share * (WIDTH - 130), low + 28, f"+{share * span_h:.1f} h") for share in (0, 0.5, 1)),
    ]
    colours = dict(zip(dict.fromkeys(o.pool_id for o in options), (BLUE, RED, GREEN, GREY) * 50, strict=False))
    for option, a, b in zip(options, x, y, strict=True):
        told = (
            f"{option.pool_id}: {option.total}, {option.end:%Y-%m-%d %H:%M}Z, {option.carbon_kg_location:,.1f} kg CO2"
        )
        body.append(dot(a, b, 4 + 8 * option.carbon_kg_location / kg, colours[option.pool_id], told))
    for number, (pool, colour) in enumerate(colours.items()):
        body += [dot(WIDTH - 190, 56 + 18 * number, 5, colour), text(WIDTH - 178, 60 + 18 * number, pool, "start")]
    return svg(WIDTH, height, body, title)


def heat_map(
    rows: Mapping[str, Sequence[float]], start: datetime, zone: tzinfo, title: str, slot_hours: float = 1.0
) -> str:
    """A row for each pool, a cell for each slot from `start` on; each cell tells its figure.

    Light is the least of its row and dark the most, because rents differ more than hours do; both stand at its end.
    """
    count = max((len(values) for values in rows.values()), default=1)
    wide, tall = (WIDTH - LEFT - RIGHT) / count, 22.0
    height = TOP + tall * len(rows) + 36
    body = [text(WIDTH / 2, 22, title, size=15)]
    for number, (pool, values) in enumerate(rows.items()):
        y = TOP + number * tall
        least, most = min(values, default=0.0), max(values, default=0.0)
        body.append(text(LEFT - 8, y + 15, pool, "end"))
        body.append(text(WIDTH - RIGHT + 8, y + 15, f"{least:,.2f} – {most:,.2f}", "start", 11))
        for slot, value in enumerate(values):
            share = (value - least) / (most - least) if most > least else 0.0
            body.append(box(LEFT + slot * wide, y, wide + 0.3, tall - 2, _shade(share), f"{pool}: {value:,.4f}"))
    local = start.astimezone(zone)
    every = max(1, round(24 / slot_hours))
    offset = round(((24 - local.hour) % 24) / slot_hours)
    for slot in range(offset, count, every * max(1, count // every // 10)):
        when = local.timestamp() + slot * slot_hours * 3600
        x, y = LEFT + slot * wide, TOP + tall * len(rows)
        body += [line(x, y, x, y + 6), text(x, y + 20, datetime.fromtimestamp(when, zone).strftime("%m-%d %Hh"))]
    return svg(WIDTH, height, body, title)


def _shade(share: float) -> str:
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(COLD, HOT, strict=True))


def flows(grid: Grid, moves: Mapping[tuple[str, str], float], title: str, unit: str) -> str:
    """A map of sites and cities with an arrow for each (from, to): wider for more, of whatever `unit` says."""
    places: dict[str, City | Site] = {**{c.id: c for c in grid.cities}, **{s.id: s for s in grid.sites}}
    ends = {end for pair in moves for end in pair}
    shown = [p for p in places.values() if p.id in ends or isinstance(p, Site)]
    if not shown:
        return svg(WIDTH, 80, [text(WIDTH / 2, 40, title)], title)
    west, east = min(p.longitude for p in shown) - 2, max(p.longitude for p in shown) + 2
    south, north = min(p.latitude for p in shown) - 2, max(p.latitude for p in shown) + 2
    across = cos(radians((south + north) / 2))
    scale = min((WIDTH - 120) / ((east - west) * across), 560 / (north - south))
    height = 70 + (north - south) * scale

    def at(place: City | Site) -> tuple[float, float]:
        return 60 + (place.longitude - west) * across * scale, 44 + (north - place.latitude) * scale

    most = max(moves.values(), default=1.0) or 1.0
    body = [text(WIDTH / 2, 24, title, size=15)]
    for (source, target), amount in sorted(moves.items(), key=lambda move: -move[1]):
        if source in places and target in places and source != target:
            body.append(_arrow(at(places[source]), at(places[target]), 1 + 9 * amount / most, f"{amount:,.1f} {unit}"))
    for place in shown:
        x, y = at(place)
        body += [dot(x, y, 6, RED if isinstance(place, Site) else GREY), text(x, y - 10, place.name_zh or place.name)]
        if here := moves.get((place.id, place.id)):
            body.append(text(x, y + 20, f"{here:,.1f} {unit}", colour=GREY))
    return svg(WIDTH, height, body, title)


def _arrow(begin: tuple[float, float], end: tuple[float, float], width: float, told: str) -> str:
    """A curve with its figure in the middle and a head at its end."""
    (x1, y1), (x2, y2) = begin, end
    bend_x, bend_y = (x1 + x2) / 2 + (y2 - y1) * 0.15, (y1 + y2) / 2 - (x2 - x1) * 0.15
    length = max(((x2 - bend_x) ** 2 + (y2 - bend_y) ** 2) ** 0.5, 1e-9)
    ux, uy = (x2 - bend_x) / length, (y2 - bend_y) / length
    tip = (x2 - 7 * ux, y2 - 7 * uy)
    back = (tip[0] - (8 + width) * ux, tip[1] - (8 + width) * uy)
    side = (4 + width / 2) * 1.2
    head = f"{tip[0]:.1f},{tip[1]:.1f} {back[0] - side * uy:.1f},{back[1] + side * ux:.1f}"
    head += f" {back[0] + side * uy:.1f},{back[1] - side * ux:.1f}"
    curve = f"M{x1:.1f} {y1:.1f} Q{bend_x:.1f} {bend_y:.1f} {back[0]:.1f} {back[1]:.1f}"
    return (
        f'<path d="{curve}" fill="none" stroke="{BLUE}" stroke-opacity="0.7" stroke-width="{width:.1f}"/>'
        f'<polygon points="{head}" fill="{BLUE}"/>'
        + text((bend_x + x1 + x2) / 3, (bend_y + y1 + y2) / 3, told, size=11)
    )

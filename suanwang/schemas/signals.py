"""A site's signals from elsewhere to the domain: each read, scaled and checked, or found wrong at its place."""

from decimal import Decimal

from suanwang.domain.signal import Signal
from suanwang.errors import msg
from suanwang.schemas.findings import Findings
from suanwang.schemas.signal_fields import ReadSignal, SignalSection, SignalsSection
from suanwang.schemas.wrong import Wrong
from suanwang.schemas.yaml_file import Path
from suanwang.units import MICRO

PUE_UNIT = "kWh/kWh"
CARBON_UNIT = "kg/kWh"
FIELDS = ("power", "pue", "carbon", "carbon_market")
LEAST = {"pue": Decimal(1), "carbon": Decimal(0), "carbon_market": Decimal(0)}
"""Below this a value cannot be right. A price of power may be negative."""


def read_signals(
    section: SignalsSection | None, path: Path, findings: Findings, currency: str | None, read: ReadSignal | None
) -> dict[str, Signal]:
    """Those of the fields that are given and could be read, by name."""
    units = {"power": f"{currency}/kWh", "pue": PUE_UNIT, "carbon": CARBON_UNIT, "carbon_market": CARBON_UNIT}
    found: dict[str, Signal] = {}
    for field in FIELDS:
        source = getattr(section, field, None)
        if source is None or not _is_whole(source, (*path, field), findings) or read is None or currency is None:
            continue
        try:
            found[field] = _signal(source, field, units[field], read)
        except Wrong as wrong:
            findings.add((*path, field), wrong.message, wrong.remedy)
    return found


def _is_whole(source: SignalSection, path: Path, findings: Findings) -> bool:
    """Whether it has one source, and a query where that is Prometheus."""
    given = [name for name in ("file", "url", "prometheus") if getattr(source, name) is not None]
    if len(given) != 1:
        what = msg("a signal needs exactly one of file, url and prometheus; {count} are given.", count=len(given))
        findings.add(path, what, msg("Give exactly one of them."), *((*path, name) for name in given))
        return False
    if (source.prometheus is None) != (source.query is None):
        what = msg("prometheus and query belong together.")
        findings.add(path, what, msg("Give both, or neither."), (*path, "query"), (*path, "prometheus"))
        return False
    return True


def _signal(source: SignalSection, field: str, unit: str, read: ReadSignal) -> Signal:
    points, until = read(source)
    scale = Decimal(str(source.scale))
    values = [(when, round(value * scale * MICRO)) for when, value in points]
    least = LEAST.get(field)
    for when, micro in values:
        if least is not None and micro < least * MICRO:
            what = msg("the value at {when} is below {least}.", when=when.isoformat(), least=str(least))
            raise Wrong(what, msg("Check the unit, and scale."))
    return Signal(unit, tuple(when for when, _ in values), tuple(micro for _, micro in values), until)

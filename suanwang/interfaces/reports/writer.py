"""Figures and names of a report in the reader's language: 39.8 M CNY in English, 3,976.5 万元 in Chinese."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from suanwang.domain.provenance import Provenance
from suanwang.errors import Message, msg
from suanwang.interfaces.reports.names import CONFIDENCE, VARIABLES

_SCALES_EN = ((1e9, " bn"), (1e6, " M"), (1e3, " k"))
_SCALES_ZH = ((1e8, " 亿"), (1e4, " 万"))
DASH = "–"
BRIEF = 60
"""Characters of a source where there is little room."""


class Writer:
    """`text` gives a message in the language; amounts are of one currency."""

    def __init__(self, lang: str, currency: str, text: Callable[[Message | str], str]) -> None:
        self.lang, self.text = lang, text
        self.currency = "元" if lang == "zh-CN" and currency == "CNY" else currency
        self.scales = _SCALES_ZH if lang == "zh-CN" else _SCALES_EN

    def short(self, value: float) -> str:
        """A figure of about four digits, with its scale."""
        for scale, unit in self.scales:
            if abs(value) >= scale:
                shown = value / scale
                return f"{shown:,.{2 if abs(shown) < 10 else 1}f}{unit}"
        return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.2f}"

    def money(self, value: float | None, per: str = "") -> str:
        if value is None:
            return DASH
        tail = self.currency if self.currency == "元" and not self.short(value)[-1].isdigit() else f" {self.currency}"
        return f"{self.short(value)}{tail}{per}"

    def price(self, value: float | None, per: str = "/h") -> str:
        return DASH if value is None else f"{value:,.2f} {self.currency}{per}"

    def column(self, largest: float) -> tuple[float, str]:
        """(scale, unit) of a column of amounts, so that they have few digits."""
        scale, word = (1e4, "万") if self.lang == "zh-CN" else (1e3, "k ")
        return (scale, f"{word}{self.currency}") if largest >= 1e6 else (1.0, self.currency)

    def years(self, value: float | None) -> str:
        return DASH if value is None else self.text(msg("{years} years", years=f"{value:.1f}"))

    def percent(self, value: float | None, digits: int = 1) -> str:
        return DASH if value is None else f"{value:.{digits}%}"

    def name(self, known: Mapping[str, Message], name: str) -> str:
        """A name that we know in the language; one that the user gave as it is."""
        return self.text(known[name]) if name in known else name

    def value(self, name: str, value: float, unit: str) -> str:
        """A value of a variable with its unit."""
        if unit in ("share", "1/year"):
            return f"{value:.1%}"
        if name in ("capital_cost", "operating_cost"):
            return self.money(value)
        if unit == "ratio":
            return f"{value:.3f}"
        if unit == "months":
            return self.text(msg("{months} months", months=f"{value:,.3g}"))
        return f"{value:,.4g} {unit.replace('/accelerator-hour', '/h')}"

    def variable(self, name: str) -> str:
        return self.name(VARIABLES, name)

    def brief(self, sources: Sequence[Provenance]) -> str:
        """The first source in short, its confidence, and how many there are beside it; the assumptions have all."""
        if not sources:
            return self.text(msg("no source given"))
        first = sources[0]
        cut = first.source if len(first.source) <= BRIEF else first.source[:BRIEF].rsplit(" ", 1)[0] + " …"
        more = self.text(msg("; {count} more", count=len(sources) - 1)) if len(sources) > 1 else ""
        return f"{cut} ({self.text(CONFIDENCE[first.confidence])}){more}"

    def sources(self, sources: Iterable[Provenance | None]) -> str:
        """Each source with its date and confidence."""
        said = (
            f"{p.source}{f', {p.date}' if p.date else ''} ({self.text(CONFIDENCE[p.confidence])})"
            for p in sources
            if p is not None
        )
        return "; ".join(said) or self.text(msg("no source given"))

"""Where a figure comes from, and the error for a figure that is not there."""

from dataclasses import dataclass
from enum import StrEnum

from suanwang.errors import Message, Never, msg


class Confidence(StrEnum):
    """How far a fact can be trusted, best first."""

    MEASURED = "measured"
    OFFICIAL = "official"
    DATASHEET = "datasheet"
    PRESS = "press"
    ESTIMATE = "estimate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Source of a fact (publication or method), its date (ISO, possibly only a year; "" = undated), its confidence."""

    source: str
    date: str = ""
    confidence: Confidence


class MissingFigure(Never):
    """A figure that is needed is unknown. It is named; it is never 0 and never guessed."""

    def __init__(self, thing: Message, figure: Message) -> None:
        super().__init__(
            "missing-figure",
            msg("{thing} has no {figure}", thing=thing, figure=figure),
            msg("Add the figure with its source to your own catalog folder (see `suanwang catalog check --help`)."),
        )
        self.thing = str(thing)
        self.figure = str(figure)

"""One row of a table of published runs, as numbers; a blank or a word that is not a number is None."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite

from suanwang.errors import Message

FORMATS = (("fp4", "fp4"), ("fp8", "fp8"), ("int8", "int8"), ("bf16", "bf16"), ("fp16", "fp16"), ("amp", "bf16"))
VAGUE = (
    ("mixed", "bf16"),
    ("16-bit", "bf16"),
    ("16bit", "bf16"),
    ("autocast", "bf16"),
    ("int4", "fp4"),
    ("w4a16", "bf16"),
)
FORMATS_WIDE = (("tf32", "tf32"), ("fp32", "fp32"), ("fp64", "fp64"))


class Unscored(Exception):
    """Why a row is not scored."""

    def __init__(self, reason: Message) -> None:
        super().__init__(str(reason))
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Row:
    """A row by column name. Columns that a table does not have read as blank.

    `told`: columns that some row of the same source fills. A blank in one of them is the default (no interleaving); in
    any other it is not known.
    """

    cells: Mapping[str, str | None]
    told: frozenset[str] = frozenset()

    def text(self, column: str) -> str:
        return (self.cells.get(column) or "").strip()

    def number(self, *columns: str) -> float | None:
        """The first of the columns that holds a positive finite number; thousands separators are read over."""
        for column in columns:
            try:
                value = float(self.text(column).replace(",", "").replace("_", ""))
            except ValueError:
                continue
            if isfinite(value) and value > 0:
                return value
        return None

    def whole(self, column: str, default: int) -> int:
        value = self.number(column)
        return default if value is None else max(int(value), 1)

    @property
    def dtype(self) -> str | None:
        """Number format of the matrix products: the narrowest that the precision names. None: not stated."""
        words = self.text("precision").lower().replace("float", "fp").replace("bfp", "bf").replace("nvfp", "fp")
        words = words.replace("half", "fp16").replace("w4a4", "fp4").replace("w8a8", "fp8")
        found = [name for word, name in (*FORMATS, *FORMATS_WIDE, *VAGUE) if word in words]
        return found[0] if found else None


def rows_of(table: Iterable[Mapping[str, str | None]]) -> list[Row]:
    """The rows of a table, each with the columns that its source tells."""
    every = list(table)
    told: dict[str, set[str]] = defaultdict(set)
    for cells in every:
        told[(cells.get("source") or "").strip()] |= {
            c for c, text in cells.items() if c and isinstance(text, str) and text.strip()
        }
    return [Row(cells, frozenset(told[(cells.get("source") or "").strip()])) for cells in every]

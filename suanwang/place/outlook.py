"""Outlook: what a site and a price book ask over a window of time, as columns of millionths on common edges.

Times are whole microseconds since the epoch and values whole millionths, so that an integral is exact.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from math import prod

import numpy as np
from numpy.typing import NDArray

from suanwang.domain.price import Basis, PriceBook
from suanwang.domain.provenance import MissingFigure
from suanwang.domain.signal import EPOCH, MICROSECOND, Signal
from suanwang.domain.site import Grid, Site
from suanwang.errors import Message, msg
from suanwang.units import MICRO, SECONDS_PER_HOUR

HOUR_US = SECONDS_PER_HOUR * MICRO
DAY = timedelta(days=1)
Column = NDArray[np.int64]


def to_us(when: datetime) -> int:
    """An aware time in whole microseconds since the epoch."""
    return (when - EPOCH) // MICROSECOND


def from_us(us: int) -> datetime:
    """The inverse of `to_us`, aware UTC."""
    return EPOCH + int(us) * MICROSECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """k pieces: `edges` has k + 1 times (us), each column k values (millionths), constant on [edges[i], edges[i+1]).

    `rent` currency/accelerator-hour; `delivered` currency/(PFLOP/s x h); `power` currency/kWh at the site's meter, as
    billed; `pue` a ratio; `carbon`, `market` kg/kWh (`market` None where the site has no such figure).
    """

    edges: Column
    rent: Column
    delivered: Column
    power: Column
    pue: Column
    carbon: Column
    market: Column | None
    books: tuple[tuple[datetime, PriceBook], ...]

    def pieces(self, start_us: int, end_us: int) -> Iterator[tuple[int, int]]:
        """(index, length in us) of the pieces that make up [start_us, end_us), which lies inside the edges."""
        if not self.edges[0] <= start_us <= end_us <= self.edges[-1]:
            raise ValueError("the interval lies outside the outlook")
        index = int(np.searchsorted(self.edges, start_us, side="right")) - 1
        while start_us < end_us:
            stop = min(int(self.edges[index + 1]), end_us)
            yield index, stop - start_us
            start_us, index = stop, index + 1

    def integral(self, start_us: int, end_us: int, *columns: Column) -> Fraction:
        """Exact integral of the product of `columns` over [start_us, end_us), in units x hours."""
        total = 0
        for index, length in self.pieces(start_us, end_us):
            total += length * prod(int(column[index]) for column in columns)
        return Fraction(total, MICRO ** len(columns) * HOUR_US)

    def charges_delivered(self, start_us: int, end_us: int) -> bool:
        """Whether delivered compute costs anything in an interval."""
        first, last = np.searchsorted(self.edges, (start_us, end_us - 1), side="right") - 1
        return bool(self.delivered[first : last + 1].any())

    def book_at(self, start_us: int) -> PriceBook:
        """The version of the price book in force at a time of the window."""
        when = from_us(start_us)
        return [book for since, book in self.books if since <= when][-1]


class Outlooks:
    """The outlooks of one grid, kept: runs on whole days of the same site and price book share the work.

    It grows by an outlook for each day that is asked for; make a new one when the grid changes, or every few days.
    """

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self._known: dict[tuple[str, str, datetime, datetime], Outlook] = {}

    def get(self, site: Site, book_id: str, start: datetime, end: datetime) -> Outlook:
        """Over the whole UTC days that hold [start, end), or just over that where a figure outside it is missing.

        Raises MissingFigure for a figure that is missing inside. The outlook starts later or ends earlier than asked
        where a signal or the price book does.
        """
        midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
        whole = midnight - (midnight - end) // DAY * DAY
        key = (site.id, book_id, midnight, whole)
        if key not in self._known:
            try:
                self._known[key] = _outlook(self.grid, site, book_id, midnight, whole)
            except MissingFigure:
                return _outlook(self.grid, site, book_id, start, end)
        return self._known[key]


def _outlook(grid: Grid, site: Site, book_id: str, start: datetime, end: datetime) -> Outlook:
    books = _in_force(grid, book_id, start, end)
    signals: dict[str, Signal | None] = {
        "rent": _price_signal(books, Basis.ACCELERATOR_HOUR, site, grid.currency, end),
        "delivered": _price_signal(books, Basis.DELIVERED_PFLOP_HOUR, site, grid.currency, end),
        "power": _price_signal(books, Basis.KWH, site, grid.currency, end),
        "pue": site.pue,
        "carbon": site.carbon_location,
        "market": site.carbon_market,
    }
    known = {name: signal for name, signal in signals.items() if signal is not None}
    begin = max(start, *(s.edges[0] for s in known.values()))
    stop = min(end, *(s.until for s in known.values()))
    if begin >= stop:
        late = max(known, key=lambda name: known[name].edges[0])
        short = min(known, key=lambda name: known[name].until)
        which = late if known[late].edges[0] >= end else short
        when = max(start, known[which].until).isoformat()
        raise MissingFigure(msg("site {id}", id=site.id), msg("{name} signal at {when}", name=which, when=when))
    steps = {name: _steps(signal, begin, stop) for name, signal in known.items()}
    edges = np.unique(np.concatenate([edges for edges, _ in steps.values()]))
    columns = {name: m[np.searchsorted(e, edges, side="right") - 1] for name, (e, m) in steps.items()}
    return Outlook(
        edges=np.append(edges, to_us(stop)),
        rent=columns["rent"],
        delivered=columns["delivered"],
        power=columns["power"],
        pue=columns["pue"],
        carbon=columns["carbon"],
        market=columns.get("market"),
        books=books,
    )


def _steps(signal: Signal, start: datetime, end: datetime) -> tuple[Column, Column]:
    """(edges, millionths) of a signal that covers [start, end); the first edge is `start`."""
    pieces = signal.pieces(start, end)
    return np.array([to_us(a) for a, _, _ in pieces], np.int64), np.array([m for _, _, m in pieces], np.int64)


def _in_force(grid: Grid, book_id: str, start: datetime, end: datetime) -> tuple[tuple[datetime, PriceBook], ...]:
    """(from, version) of a price book over [start, end). Raises MissingFigure when none can be charged."""
    changes = {b.effective for b in grid.price_books if b.id == book_id and start < b.effective < end}
    books = [(when, grid.price_book(book_id, when)) for when in sorted({start} | changes)]
    known = tuple((when, book) for when, book in books if book is not None)
    if not known:
        raise MissingFigure(
            msg("price book {id}", id=book_id), msg("version in force at {when}", when=start.isoformat())
        )
    for _, book in known:
        name = msg("price book {id} version {version}", id=book_id, version=book.version)
        if book.currency != grid.currency:
            raise MissingFigure(name, _price_in(grid.currency, book.currency))
        if book.price(Basis.ACCELERATOR_HOUR) is None and book.price(Basis.DELIVERED_PFLOP_HOUR) is None:
            raise MissingFigure(name, msg("price per accelerator-hour or delivered PFLOP/s hour"))
    return known


def _price_in(wanted: str, given: str) -> Message:
    return msg("price in {wanted} (it is in {given})", wanted=wanted, given=given)


def _price_signal(
    books: tuple[tuple[datetime, PriceBook], ...], basis: Basis, site: Site, currency: str, end: datetime
) -> Signal:
    """What is billed per unit of `basis`: 0 where a version does not charge it, else its price or the tariff."""
    edges: list[datetime] = []
    micros: list[int] = []
    ends = [*(since for since, _ in books[1:]), end]
    for (since, book), until in zip(books, ends, strict=True):
        price = book.price(basis)
        if price is not None and price.passes_tariff:
            if site.tariff.currency != currency:
                raise MissingFigure(msg("tariff {id}", id=site.tariff.id), _price_in(currency, site.tariff.currency))
            pieces = site.power_price(since, until).pieces(since, until)
        elif price is None:
            pieces = [(since, until, 0)]
        else:
            pieces = [(a, b, micro) for a, b, micro, _ in price.pieces(site.zone, since, until)]
            if not pieces:
                book_name = msg("price book {id} version {version}", id=book.id, version=book.version)
                raise MissingFigure(
                    book_name, msg("{basis} price published for {when}", basis=basis.value, when=since.isoformat())
                )
        if book.tax is not None and not book.tax.included:  # what is quoted and held has the tax in it
            pieces = [(a, b, round(micro * (1 + book.tax.ratio))) for a, b, micro in pieces]
        edges += [a for a, _, _ in pieces]
        micros += [m for _, _, m in pieces]
    return Signal(f"{currency}/{basis.value}", tuple(edges), tuple(micros), end)

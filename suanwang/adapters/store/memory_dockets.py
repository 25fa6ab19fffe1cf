"""Dockets of voucher offices and their steps, in memory: the twin of `dockets`."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from suanwang.adapters.store.checks import docket_moved, missing, other_body
from suanwang.adapters.store.journal import Journal
from suanwang.adapters.store.refusals import refused
from suanwang.domain.docket import Docket, DocketKind, Role, Step
from suanwang.errors import msg

OFFICE = {Role.MAKER, Role.CHECKER}


@dataclass(frozen=True, slots=True)
class DocketTables:
    """Dockets by id, steps by docket and sequence."""

    dockets: dict[str, Docket] = field(default_factory=dict)
    steps: dict[tuple[str, int], Step] = field(default_factory=dict)


class MemoryDockets:
    """The port `Dockets` on dicts."""

    def __init__(self, tables: DocketTables, journal: Journal) -> None:
        self._tables = tables
        self._put = journal.put

    def add(self, docket: Docket, first: Step) -> bool:
        known = self._tables.dockets.get(docket.id)
        if known is None:
            self._check(docket, first)
            self._put(self._tables.dockets, docket.id, docket)
            self._put(self._tables.steps, (docket.id, first.sequence), first)
            return True
        same = ("kind", "programme_id", "tenant", "case", "about")
        if any(getattr(known, name) != getattr(docket, name) for name in same):
            raise other_body(msg("docket"), docket.id)
        return False

    def get(self, docket_id: str) -> Docket:
        if docket_id not in self._tables.dockets:
            raise missing(msg("docket"), docket_id)
        return self._tables.dockets[docket_id]

    def find(
        self, programme_id: str = "", kinds: Sequence[DocketKind] = (), states: Sequence[str] = (), tenant: str = ""
    ) -> list[Docket]:
        return [
            d
            for _, d in sorted(self._tables.dockets.items())
            if programme_id in ("", d.programme_id)
            and (not kinds or d.kind in kinds)
            and (not states or d.state in states)
            and tenant in ("", d.tenant)
        ]

    def move(self, docket: Docket, taken: Step) -> None:
        known = self._tables.dockets.get(docket.id)
        if known is None or known.sequence != taken.sequence - 1:
            raise docket_moved(docket.id)
        self._check(docket, taken)
        self._put(self._tables.dockets, docket.id, docket)
        self._put(self._tables.steps, (docket.id, taken.sequence), taken)

    def steps(self, docket_id: str) -> list[Step]:
        return [step for key, step in sorted(self._tables.steps.items()) if key[0] == docket_id]

    def _check(self, docket: Docket, taken: Step) -> None:
        """The rules that the database has as triggers."""
        earlier = self.steps(docket.id)
        before = earlier[-1].after if earlier else ""
        if taken.sequence != len(earlier) + 1 or taken.before != before:
            raise refused("docket_steps_sequence")
        crossed = any(s.actor == taken.actor and {s.role, taken.role} == OFFICE and docket.two_persons for s in earlier)
        if crossed:
            raise refused("docket_steps_persons")

"""Dockets of voucher offices and their steps, in SQL (the port `Dockets`)."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, insert, select, update

from suanwang.adapters.store import codec
from suanwang.adapters.store.checks import docket_moved, missing, other_body
from suanwang.adapters.store.refusals import refusals, step
from suanwang.adapters.store.tables import docket_steps, dockets, insert_new, microseconds
from suanwang.domain.docket import Docket, DocketKind, Step
from suanwang.errors import msg


class SqlDockets:
    """One transaction's view of dockets."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, docket: Docket, first: Step) -> bool:
        with step(self._connection):
            if insert_new(self._connection, dockets, [_row(docket)]):
                self._connection.execute(insert(docket_steps), _step_row(first))
                return True
        known = self.get(docket.id)
        if (known.kind, known.programme_id, known.tenant) != (docket.kind, docket.programme_id, docket.tenant):
            raise other_body(msg("docket"), docket.id)
        if known.case != docket.case or known.about != docket.about:
            raise other_body(msg("docket"), docket.id)
        return False

    def get(self, docket_id: str) -> Docket:
        with refusals():
            body = self._connection.execute(select(dockets.c.body).where(dockets.c.id == docket_id)).scalar()
        if body is None:
            raise missing(msg("docket"), docket_id)
        return codec.load(Docket, body)

    def find(
        self, programme_id: str = "", kinds: Sequence[DocketKind] = (), states: Sequence[str] = (), tenant: str = ""
    ) -> list[Docket]:
        query = select(dockets.c.body).order_by(dockets.c.id)
        for given, column in ((programme_id, dockets.c.programme_id), (tenant, dockets.c.tenant)):
            query = query.where(column == given) if given else query
        query = query.where(dockets.c.kind.in_([k.value for k in kinds])) if kinds else query
        query = query.where(dockets.c.state.in_(states)) if states else query
        with refusals():
            return [codec.load(Docket, body) for body in self._connection.execute(query).scalars()]

    def move(self, docket: Docket, taken: Step) -> None:
        with step(self._connection):
            change = (
                update(dockets)
                .where(dockets.c.id == docket.id, dockets.c.sequence == taken.sequence - 1)
                .values(_row(docket))
            )
            if self._connection.execute(change).rowcount != 1:
                raise docket_moved(docket.id)
            self._connection.execute(insert(docket_steps), _step_row(taken))

    def steps(self, docket_id: str) -> list[Step]:
        table = docket_steps
        query = select(table.c.body).where(table.c.docket_id == docket_id).order_by(table.c.sequence)
        with refusals():
            return [codec.load(Step, body) for body in self._connection.execute(query).scalars()]


def _row(docket: Docket) -> dict[str, Any]:
    return {
        "id": docket.id,
        "kind": docket.kind.value,
        "programme_id": docket.programme_id,
        "tenant": docket.tenant,
        "state": docket.state,
        "sequence": docket.sequence,
        "two_persons": int(docket.two_persons),
        "body": codec.dump(docket),
    }


def _step_row(taken: Step) -> dict[str, Any]:
    return {
        "docket_id": taken.docket_id,
        "sequence": taken.sequence,
        "state_before": taken.before,
        "state_after": taken.after,
        "actor": taken.actor,
        "role": taken.role.value,
        "at_us": microseconds(taken.at),
        "body": codec.dump(taken),
    }

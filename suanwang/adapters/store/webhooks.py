"""Webhooks and their deliveries, in SQL (the port `Webhooks`). A trigger makes the deliveries as jobs move."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, update

from suanwang.adapters.store import codec
from suanwang.adapters.store.checks import missing, other_body
from suanwang.adapters.store.refusals import refusals, step
from suanwang.adapters.store.tables import deliveries, insert_new, microseconds, webhooks
from suanwang.domain.signal import EPOCH
from suanwang.domain.webhook import Delivery, DeliveryState, Webhook
from suanwang.errors import msg


class SqlWebhooks:
    """One transaction's view of webhooks."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, webhook: Webhook) -> None:
        row = {"id": webhook.id, "organisation": webhook.organisation, **_row(webhook)}
        with step(self._connection):
            if not insert_new(self._connection, webhooks, [row]):
                raise other_body(msg("webhook"), webhook.id)

    def change(self, webhook: Webhook) -> None:
        with step(self._connection):
            changed = update(webhooks).where(webhooks.c.id == webhook.id).values(**_row(webhook))
            if not self._connection.execute(changed).rowcount:
                raise missing(msg("webhook"), webhook.id)

    def get(self, webhook_id: str) -> Webhook:
        with refusals():
            body = self._connection.execute(select(webhooks.c.body).where(webhooks.c.id == webhook_id)).scalar()
        if body is None:
            raise missing(msg("webhook"), webhook_id)
        return codec.load(Webhook, body)

    def of(self, organisation: str = "") -> list[Webhook]:
        query = select(webhooks.c.body).order_by(webhooks.c.id)
        if organisation:
            query = query.where(webhooks.c.organisation == organisation)
        with refusals():
            return [codec.load(Webhook, body) for body in self._connection.execute(query).scalars()]

    def due(self, now: datetime, limit: int = 100) -> list[Delivery]:
        waiting = deliveries.c.state == DeliveryState.WAITING.value
        query = select(deliveries).where(waiting, deliveries.c.due_us <= microseconds(now))
        order = (deliveries.c.due_us, deliveries.c.job_id, deliveries.c.sequence)
        with refusals():
            return [_delivery(row) for row in self._connection.execute(query.order_by(*order).limit(limit))]

    def deliveries(self, webhook_id: str, limit: int = 100) -> list[Delivery]:
        query = select(deliveries).where(deliveries.c.webhook_id == webhook_id)
        order = (deliveries.c.job_id.desc(), deliveries.c.sequence.desc())
        with refusals():
            return [_delivery(row) for row in self._connection.execute(query.order_by(*order).limit(limit))]

    def keep(self, delivery: Delivery) -> None:
        this = (
            deliveries.c.webhook_id == delivery.webhook_id,
            deliveries.c.job_id == delivery.job_id,
            deliveries.c.sequence == delivery.sequence,
        )
        values = {
            "state": delivery.state.value,
            "attempts": delivery.attempts,
            "due_us": microseconds(delivery.due),
            "status": delivery.status,
        }
        with step(self._connection):
            self._connection.execute(update(deliveries).where(*this).values(**values))


def _row(webhook: Webhook) -> dict[str, Any]:
    return {"active": int(webhook.active), "body": codec.dump(webhook)}


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        webhook_id=row.webhook_id,
        job_id=row.job_id,
        sequence=row.sequence,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        due=EPOCH + timedelta(microseconds=row.due_us),
        status=row.status,
    )

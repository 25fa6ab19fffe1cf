"""Webhooks: addresses that are told of every move of an organisation's jobs, signed, and told again until they hear."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class DeliveryState(StrEnum):
    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given-up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """`secret` signs what is sent; it is shown once, when the webhook is made."""

    id: str
    organisation: str
    url: str
    secret: str
    created: datetime
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event for one webhook. `status`: what the address answered last, None where it did not answer."""

    webhook_id: str
    job_id: str
    sequence: int
    state: DeliveryState
    attempts: int
    due: datetime
    status: int | None

    @property
    def id(self) -> str:
        return f"{self.webhook_id}.{self.job_id}.{self.sequence}"

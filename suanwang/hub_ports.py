"""The ports of a hub that serves users: users and tokens, the audit log, leases and drains, webhooks, as Protocols."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from suanwang.domain.identity import AuditEntry, Project, Token, User
from suanwang.domain.signal import SignalVersion
from suanwang.domain.webhook import Delivery, Webhook
from suanwang.ports import Store, Transaction


class Identity(Protocol):
    """Users, projects, tokens, and the audit log of what users did."""

    def add_user(self, user: User) -> None:
        """Raises Conflict(idempotency-conflict) when the id or the identity provider's subject is taken."""

    def change_user(self, user: User) -> None:
        """Replace the stored one. Raises NotFound, Conflict."""

    def user(self, user_id: str) -> User:
        """Raises NotFound."""

    def user_of(self, subject: str) -> User | None:
        """The user that an identity provider knows by that subject."""

    def users(self, organisation: str = "", after: str = "", limit: int = 1000) -> list[User]:
        """By id."""

    def add_project(self, project: Project) -> None:
        """A repeat changes nothing."""

    def projects(self, organisation: str = "") -> list[Project]:
        """By organisation and id."""

    def add_token(self, token: Token) -> None:
        """Raises Conflict when the id is taken."""

    def token(self, token_id: str) -> Token:
        """Raises NotFound."""

    def tokens(self, user_id: str) -> list[Token]:
        """By id, sessions and revoked ones too."""

    def revoke(self, token_id: str, at: datetime) -> Token:
        """A repeat changes nothing. Raises NotFound."""

    def record(self, entry: AuditEntry) -> None:
        """Append to the audit log; its position is given by the database."""

    def audit(self, organisation: str = "", after: int = 0, limit: int = 1000) -> list[AuditEntry]:
        """In order of position."""


class Operations(Protocol):
    """What several hubs on one database must agree on: who ticks, which sites and pools take no new work, which
    signals were heard."""

    def lease(self, name: str, holder: str, seconds: float) -> bool:
        """Take or renew a lease by the database's clock; False while another holder has it."""

    def release(self, name: str, holder: str) -> None:
        """Give a lease back; one that another holds is left alone."""

    def job_counts(self) -> Mapping[str, int]:
        """How many jobs are in each state."""

    def drain(self, place: str, by: str, at: datetime) -> None:
        """A site (`site:<id>`) or pool (`pool:<id>`) takes no new work; a repeat changes nothing."""

    def undrain(self, place: str) -> None:
        """It takes work again; a repeat changes nothing."""

    def drained(self) -> frozenset[str]:
        """Every place that takes no new work by `drain`."""

    def hear(self, versions: Sequence[SignalVersion]) -> None:
        """Append what was heard. A repeat changes nothing."""

    def heard(self, since: datetime) -> list[SignalVersion]:
        """What was heard of the time from `since` on, in the order it was heard."""


class Webhooks(Protocol):
    """Webhooks and their deliveries, which the database makes as jobs move."""

    def add(self, webhook: Webhook) -> None:
        """Raises Conflict when the id is taken."""

    def change(self, webhook: Webhook) -> None:
        """Replace the stored one. Raises NotFound."""

    def get(self, webhook_id: str) -> Webhook:
        """Raises NotFound."""

    def of(self, organisation: str = "") -> list[Webhook]:
        """By id."""

    def due(self, now: datetime, limit: int = 100) -> Sequence[Delivery]:
        """Deliveries that wait and are due, the oldest first."""

    def deliveries(self, webhook_id: str, limit: int = 100) -> Sequence[Delivery]:
        """The newest first."""

    def keep(self, delivery: Delivery) -> None:
        """Store what became of it."""


class HubTransaction(Transaction, Protocol):
    """A transaction that also reaches the hub's own records."""

    @property
    def identity(self) -> Identity: ...
    @property
    def operations(self) -> Operations: ...
    @property
    def webhooks(self) -> Webhooks: ...


class HubStore(Store, Protocol):
    """The store of a hub that serves users.

    With a `tenant` the database itself hides every other tenant's rows, where it can (PostgreSQL row-level security):
    the second wall behind the checks of the services.
    """

    def transaction(self, tenant: str = "", *, alone: bool = True) -> AbstractContextManager[HubTransaction]:
        """As `Store.transaction`. Not `alone`: it only adds rows that unique keys guard, so that it need not be
        serialised with others where the database allows that."""

    def reading(self, tenant: str = "") -> AbstractContextManager[HubTransaction]:
        """One consistent state of the database, read without waiting for writers; nothing can be written."""

"""A hub as one principal may use it: each change is recorded in the audit log in its own transaction, each read is a
read, and the database hides other tenants' rows from it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from suanwang.domain.identity import AuditEntry, Principal
from suanwang.hub_ports import HubStore, HubTransaction
from suanwang.ports import Clock
from suanwang.service.hub import Hub


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What is being done: the operation's name, what it is done to, and the request it came with.

    `adds`: it only adds rows that unique keys guard, and need not wait for others.
    """

    action: str
    target: str
    request_id: str
    changes: bool
    adds: bool = False


class ActingStore:
    """The port `HubStore` for one act of a principal.

    A transaction of an act that changes nothing only reads. Of one that changes something, the first transaction also
    carries the audit entry: the change and its record are stored together or not at all.
    """

    def __init__(self, store: HubStore, clock: Clock, principal: Principal, act: Act, tenant: str) -> None:
        self._store = store
        self._clock = clock
        self._principal = principal
        self._act = act
        self._tenant = tenant
        self._recorded = False

    @contextmanager
    def transaction(self, tenant: str = "", *, alone: bool = True) -> Iterator[HubTransaction]:
        if not self._act.changes:
            with self.reading(tenant) as tx:
                yield tx
            return
        with self._store.transaction(tenant or self._tenant, alone=alone and not self._act.adds) as tx:
            if not self._recorded:
                tx.identity.record(self._entry())
            yield tx
        self._recorded = True

    @contextmanager
    def reading(self, tenant: str = "") -> Iterator[HubTransaction]:
        with self._store.reading(tenant or self._tenant) as tx:
            yield tx

    def _entry(self) -> AuditEntry:
        user = self._principal.user
        return AuditEntry(
            at=self._clock.now(),
            user_id=user.id,
            organisation=user.organisation,
            action=self._act.action,
            target=self._act.target,
            request_id=self._act.request_id,
        )

    def close(self) -> None:
        """The hub's store stays open."""


def acting(hub: Hub, store: HubStore, principal: Principal, act: Act, tenant: str) -> Hub:
    """The hub for one act. `tenant`: whose rows alone it may see; "" for all."""
    return replace(hub, store=ActingStore(store, hub.clock, principal, act, tenant))


def store_of(hub: Hub) -> HubStore:
    """The store of a hub that `acting` made."""
    assert isinstance(hub.store, ActingStore)
    return hub.store

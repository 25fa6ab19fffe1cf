"""Accounts: who is entitled to how much of the accelerators, as a tree (a department, its teams, their users)."""

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A node of the tree. `weight`: its share among its siblings. `quota`: accelerators that are its own (None: none
    of its own). `borrow`: how many more it may have of what others leave idle (None: any number). `lend`: how many of
    its own others may have while it leaves them idle (None: all)."""

    id: str
    parent: str = ""
    weight: float = 1.0
    quota: int | None = None
    borrow: int | None = None
    lend: int | None = None

    def __post_init__(self) -> None:
        counts = [n for n in (self.quota, self.borrow, self.lend) if n is not None]
        if self.weight <= 0 or any(n < 0 for n in counts):
            raise ValueError(f"account {self.id}: its weight must be positive and its accelerators not negative")


@dataclass(frozen=True, slots=True)
class Accounts:
    """The tree. A tenant that is not in it is an account of its own beside the roots, with weight 1 and no quota.

    Raises ValueError for a parent that is not there and for a ring.
    """

    nodes: tuple[Account, ...] = ()
    by_id: dict[str, Account] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_id", {account.id: account for account in self.nodes})
        for account in self.nodes:
            if len(list(self.path(account.id))) > len(self.nodes):
                raise ValueError(f"account {account.id} is its own ancestor")
            if account.parent and account.parent not in self.by_id:
                raise ValueError(f"account {account.id}: no account {account.parent}")

    def of(self, tenant: str) -> Account:
        """The tenant's account."""
        return self.by_id.get(tenant) or Account(id=tenant)

    def path(self, tenant: str) -> Iterator[Account]:
        """The tenant's account, then its parents up to the root; cut where it has gone round once."""
        account: Account | None = self.of(tenant)
        for _ in range(len(self.nodes) + 1):
            if account is None:
                return
            yield account
            account = self.by_id.get(account.parent)

"""Entitlements: who is entitled to how much of the accelerators, as a tree (a department, its teams, their users)."""

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitlement:
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
            raise ValueError(f"entitlement {self.id}: its weight must be positive and its accelerators not negative")


@dataclass(frozen=True, slots=True)
class Entitlements:
    """The tree. A tenant that is not in it is an entitlement of its own beside the roots, with weight 1 and no quota.

    Raises ValueError for a parent that is not there and for a ring.
    """

    nodes: tuple[Entitlement, ...] = ()
    by_id: dict[str, Entitlement] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_id", {entitlement.id: entitlement for entitlement in self.nodes})
        for entitlement in self.nodes:
            if len(list(self.path(entitlement.id))) > len(self.nodes):
                raise ValueError(f"entitlement {entitlement.id} is its own ancestor")
            if entitlement.parent and entitlement.parent not in self.by_id:
                raise ValueError(f"entitlement {entitlement.id}: no entitlement {entitlement.parent}")

    def of(self, tenant: str) -> Entitlement:
        """The tenant's entitlement."""
        return self.by_id.get(tenant) or Entitlement(id=tenant)

    def path(self, tenant: str) -> Iterator[Entitlement]:
        """The tenant's entitlement, then its parents up to the root; cut where it has gone round once."""
        entitlement: Entitlement | None = self.of(tenant)
        for _ in range(len(self.nodes) + 1):
            if entitlement is None:
                return
            yield entitlement
            entitlement = self.by_id.get(entitlement.parent)

"""How firms are related: a graph of holders, persons, addresses, telephones and bank accounts.

Each shared thing is an edge of some strength; a thing that many firms share (an incubator's address, an accountant's
telephone) says little about two of them, so its strength is divided by how many others share it. The strength of a path
is the product of its edges; firms are related as their strongest path says (at most three firms long).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from suanwang.domain.dossier import Dossier, Firm
from suanwang.errors import Message, msg

HOLDER, PERSON, ACCOUNT, PHONE, ADDRESS = 1.0, 0.9, 1.0, 0.7, 0.4
CONTROL = 0.25
"""The share from which a holder counts: what registers call a beneficial owner."""
STRENGTH_LEAST = 0.35
HOPS_MAX = 3


@dataclass(frozen=True, slots=True)
class Relation:
    """The strongest path between two firms and what each step of it shares."""

    strength: float
    steps: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class _Edge:
    other: str
    strength: float
    shared: Message


class Relations:
    """Built once for a dossier; asked for pairs of firms."""

    def __init__(self, dossier: Dossier) -> None:
        self._edges: dict[str, list[_Edge]] = defaultdict(list)
        self._account_owner: dict[str, str] = {}
        shared: dict[tuple[str, str], list[str]] = defaultdict(list)
        for firm in dossier.firms:
            for key in _things(firm):
                shared[key].append(firm.id)
            self._account_owner |= dict.fromkeys(firm.accounts, firm.id)
        for (kind, thing), firms in shared.items():
            self._join(kind, thing, firms)

    def _join(self, kind: str, thing: str, firms: list[str]) -> None:
        if not 2 <= len(firms) <= 50:
            return
        strength = _STRENGTH[kind] / (len(firms) - 1)
        said = msg("{a} and {b} share the {kind} {thing}", a=firms[0], b=firms[-1], kind=_WORDS[kind], thing=thing)
        for a in firms:
            for b in firms:
                if a != b:
                    told = (
                        said
                        if len(firms) == 2
                        else msg("{a} and {b} share the {kind} {thing}", a=a, b=b, kind=_WORDS[kind], thing=thing)
                    )
                    self._edges[a].append(_Edge(b, strength, told))

    def owner(self, account: str) -> str:
        """The firm of a bank account; the account itself where no firm has it."""
        return self._account_owner.get(account, account)

    def between(self, a: str, b: str) -> Relation | None:
        """The strongest path, or None where it is too weak to say anything."""
        best: dict[str, Relation] = {a: Relation(1.0, ())}
        frontier = {a}
        for _ in range(HOPS_MAX):
            reached: set[str] = set()
            for firm in frontier:
                for edge in self._edges.get(firm, ()):
                    strength = best[firm].strength * edge.strength
                    if strength >= STRENGTH_LEAST and strength > best.get(edge.other, Relation(0.0, ())).strength:
                        best[edge.other] = Relation(strength, (*best[firm].steps, edge.shared))
                        reached.add(edge.other)
            frontier = reached
        return best.get(b) if a != b else None

    def groups(self, firms: Mapping[str, object]) -> dict[str, str]:
        """The group of each firm: the first id of those that strong paths join."""
        group: dict[str, str] = {}
        for start in sorted(firms):
            if start in group:
                continue
            stack = [start]
            while stack:
                firm = stack.pop()
                if firm in group:
                    continue
                group[firm] = start
                stack += [e.other for e in self._edges.get(firm, ()) if e.strength >= 2 * STRENGTH_LEAST]
        return group


def _things(firm: Firm) -> Iterator[tuple[str, str]]:
    """What a firm could share. A holder is a thing, and so is the firm itself as a holder of others."""
    yield "holder", firm.id
    yield from (("holder", holder) for holder, share in firm.holders.items() if share >= CONTROL)
    yield from (("person", person) for person in firm.persons)
    yield from (("account", account) for account in firm.accounts)
    if firm.phone:
        yield "phone", firm.phone
    if firm.address:
        yield "address", firm.address


_STRENGTH = {"holder": HOLDER, "person": PERSON, "account": ACCOUNT, "phone": PHONE, "address": ADDRESS}
_WORDS = {
    "holder": msg("owner"),
    "person": msg("person"),
    "account": msg("bank account"),
    "phone": msg("telephone"),
    "address": msg("address"),
}

"""The crash test must fail when any one key, trigger or transaction is taken away: otherwise it would not see a bug.

Each mutant lives through the same walk and the same judge as the program does, until something of it is wrong.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path

import pytest

from suanwang.adapters.store.sql import open_store
from suanwang.service.hub import Hub
from tests.simulation.crash.child import ChildFailed, die, in_child
from tests.simulation.crash.echo import EchoStore
from tests.simulation.crash.failpoints import OnPoint, place
from tests.simulation.crash.intruders import INTRUDERS, WRITERS, let_in
from tests.simulation.crash.journalled_trial import JOURNALLED
from tests.simulation.crash.kills import (
    Trial,
    judge,
    keys_of,
    new_folder,
    on_every_processor,
    run,
    warm_up,
)
from tests.simulation.crash.oracle import Keys
from tests.simulation.crash.rivals import RIVALS, NothingToDo
from tests.simulation.crash.schema_mutations import rules, without
from tests.simulation.crash.unsafe import SitedStore
from tests.simulation.crash.world import database, open_hub

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")  # numpy's threads: not used here

PARTNERS = {"key_usage_records_order_id_start_us": ("usage_records_overlap",)}
"""Rules that another one stands in for, so that they are taken away together. Two records of an order that start at the
same time also overlap; the key remains, as the index that the trigger reads."""

HARMLESS: Mapping[str, str] = {
    "submit.cancel": "one write, refused when the job has moved since it was read: at worst the tenant asks again",
    "dispatch.snapshot": "reads only; what is decided on it is checked again where it is stored",
    "orders._read": "reads only; a job that has moved since is refused where its new place is stored",
}
"""Transactions that nothing is lost without, and why. (That they are there costs nothing, and the port has no other way
in.) One that is not here must be needed, and one that is here must not."""


def with_echo(folder: Path) -> Hub:
    """A hub all whose writes come twice."""
    hub = open_hub(folder)
    return replace(hub, store=EchoStore(hub.store))


def intruders(folder: Path) -> list[str]:
    return list(let_in(database(folder).engine))


ECHO = replace(JOURNALLED, open=with_echo, left=intruders)


def test_every_rule_of_the_database_is_needed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    warm_up(JOURNALLED)
    open_store(f"sqlite:///{tmp_path / 'whole.db'}").close()
    mutated = [rule for rule in rules(tmp_path / "whole.db") if rule not in WRITERS]
    assert set(mutated) == set(INTRUDERS)
    keys = keys_of(JOURNALLED)
    assert _without_rule("", keys) == []
    found = dict(zip(mutated, on_every_processor(partial(_without_rule, rule, keys) for rule in mutated), strict=True))
    with capsys.disabled():
        print(f"\n{len(found)} rules of the database taken away, one at a time:")
        for rule, wrong in found.items():
            print(f"  {rule}: {_short(wrong)}")
    assert [rule for rule, wrong in found.items() if not wrong or not _fair(wrong)] == []


def _without_rule(rule: str, keys: Keys) -> list[str]:
    """What is wrong without it, in a walk all whose writes come twice, and after which intruders come."""
    return judge(ECHO, (), keys, lambda folder: without(folder / "grid.db", rule, *PARTNERS.get(rule, ()))).wrong


def test_every_transaction_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    warm_up(JOURNALLED)
    keys = keys_of(JOURNALLED)
    sites = _sites()
    for deed in RIVALS:
        assert _at_point(Mutant(""), 150, deed, keys) == []
    found = dict(zip(sites, on_every_processor(partial(_without_transaction, s, keys) for s in sites), strict=True))
    with capsys.disabled():
        print(f"\n{len(found)} transactions of more than one statement left out, one at a time:")
        for site, wrong in found.items():
            print(f"  {site}: {_short(wrong)}")
    assert [site for site, wrong in found.items() if not _fair(wrong)] == []
    assert {site.partition(":")[0] for site, wrong in found.items() if not wrong} == set(HARMLESS)


@dataclass(slots=True)
class Mutant:
    """The program without the transaction at that site. `store`: of the hub that was opened last in this process."""

    site: str
    store: SitedStore | None = None

    def open(self, folder: Path) -> Hub:
        hub = open_hub(folder)
        self.store = SitedStore(database(folder).engine, self.site)
        return replace(hub, store=self.store)

    def inside(self, what: str) -> bool:
        """Whether its transaction would be open at a point. Without a site: whether one has just ended."""
        if not self.site:
            return what == "after commit"
        return self.store is not None and self.store.site == self.site

    def trial(self) -> Trial:
        return replace(JOURNALLED, open=self.open)


def _sites() -> list[str]:
    """Every place of a service that opens a transaction in which it makes more than one statement."""
    whole = Mutant("-")

    def work(folder: Path) -> Counter[tuple[str, int]]:
        passed = Counter[tuple[str, int]]()

        def on_point(_: int, what: str) -> None:
            if whole.store is not None and whole.store.site:
                passed[whole.store.site, whole.store.serial] += 1

        run(whole.trial(), folder, on_point)
        return passed

    with new_folder() as folder:
        passed = in_child(partial(work, folder)).answer or Counter()
    return sorted({site for (site, _), statements in passed.items() if statements > 1})


def _without_transaction(site: str, keys: Keys) -> list[str]:
    """What is wrong when a hub dies, or somebody else comes in between, at a point where the transaction would be."""
    mutant = Mutant(site)
    try:
        numbers = _numbers(mutant)
    except ChildFailed as failed:
        return [f"undisturbed: {failed}"]
    for deed, number in product((die_here, *RIVALS), numbers):
        if wrong := _at_point(mutant, number, deed, keys):
            return [f"{deed.__name__} at {number}: {line}" for line in wrong]
    return []


def _numbers(mutant: Mutant) -> list[int]:
    """Inside points, counted from 1: the last of each place, those that write first."""

    def work(folder: Path) -> list[str]:
        seen: list[str] = []
        run(mutant.trial(), folder, lambda _, what: seen.append(place(what)) if mutant.inside(what) else None)
        return seen

    with new_folder() as folder:
        seen = in_child(partial(work, folder)).answer or []
    last = {at: number for number, at in enumerate(seen, 1)}
    return [n for _, n in sorted(last.items(), key=lambda item: (item[0].startswith("SELECT"), item[1]))]


def _at_point(mutant: Mutant, number: int, deed: Callable[[Path], None], keys: Keys) -> list[str] | None:
    """What is wrong when `deed` is done at that inside point; None when it cannot be done there."""
    trial = mutant.trial()
    if deed in RIVALS:
        trial = replace(trial, wanted=RIVALS[deed](trial.wanted))
    where: list[Path] = []

    def planned() -> OnPoint:
        passed = 0

        def on_point(_: int, what: str) -> None:
            nonlocal passed
            if mutant.inside(what):
                passed += 1
                if passed == number:
                    deed(where[0])

        return on_point

    wrong = judge(trial, (planned,), keys, where.append).wrong
    return None if any(NothingToDo.__name__ in line for line in wrong) else wrong


def die_here(_: Path) -> None:
    die()


def _fair(wrong: list[str]) -> bool:
    """Whether it is the program or the judge that found something: a traceback ends in a refusal, or in a lost job."""
    ends = [line.strip().splitlines()[-1] for line in wrong if "Traceback" in line]
    return all(end.startswith(("suanwang.errors.", "tests.simulation.crash.walk.Stuck")) for end in ends)


def _short(wrong: list[str]) -> str:
    return wrong[0].strip().splitlines()[-1][:150] if wrong else "nothing noticed"

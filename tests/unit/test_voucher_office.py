"""The voucher office on a small grid: sign-off by two persons, publicity, budget lines, claims, expiry, clawback."""

from dataclasses import dataclass, replace
from datetime import timedelta
from fractions import Fraction

import pytest

from suanwang.adapters.clock import ManualClock
from suanwang.adapters.engines.simulated import SimulatedEngine
from suanwang.domain.case import Case, Cost
from suanwang.domain.docket import STEPS, DocketKind, Role
from suanwang.domain.job import JobState
from suanwang.domain.money import Money
from suanwang.domain.programme import Cap, FundLine, Mode, Procedure, Programme, Rate, Recognition, Scope
from suanwang.domain.rule import Rule
from suanwang.domain.site import Tenant
from suanwang.domain.workload import Demand, Program
from suanwang.errors import Conflict, Never, NotNow, NotPermitted
from suanwang.ports import Store
from suanwang.schedule.policies.fcfs import FirstComeFirstServed
from suanwang.service.hub import Hub
from suanwang.service.office import Signature, apply, claim, committed_of, draw, set_budget, sweep, take
from suanwang.service.submit import submit
from suanwang.service.tenants import open_accounts, pay_fund, pay_in
from suanwang.service.tick import tick
from suanwang.settle.office import STAGES, line_id, lines_of
from tests.small_grid import INVENTED, MONDAY, cny, grid, pool, site, workload

DAY = timedelta(days=1)
HALVES = tuple(FundLine(id=name, level=name, share=Fraction(1, 2)) for name in ("province", "city"))
BASE = Programme(
    id="city",
    version=3,
    name="city",
    issuer="office",
    currency="CNY",
    mode=Mode.REIMBURSE,
    opens=MONDAY - DAY,
    closes=MONDAY + 300 * DAY,
    rates=(Rate(ratio=Fraction(1, 2)),),
    recognition=Recognition(lines=("rent",)),
    eligibility=(Rule(fact="tenant.size", one_of=("small",)),),
    caps=(Cap(scope=Scope.TENANT, amount=cny("600")),),
    fund_lines=HALVES,
    procedure=Procedure(
        second_person_above=cny("100"), publicity_days=5, claim_within_days=30, evidence=("invoice",), valid_days=60
    ),
    provenance=INVENTED,
)
TENANT, MAKER, CHECKER = (Signature(actor=r.value, role=r) for r in (Role.TENANT, Role.MAKER, Role.CHECKER))
FINANCE = Signature(actor="finance", role=Role.FINANCE)


@dataclass
class Office:
    hub: Hub
    clock: ManualClock

    def lines(self) -> dict[str, Money]:
        """The sum of each stage over all lines; and per line, that everything adds up to the budget."""
        programme = self.hub.grid.programme("city")
        sums = dict.fromkeys(STAGES, Money.zero("CNY"))
        with self.hub.store.transaction() as tx:
            for line in lines_of(programme):
                found = {s: tx.ledger.balance(line_id(programme, line, s)).posted for s in STAGES}
                budget = -tx.ledger.balance(line_id(programme, line, "source")).posted
                assert budget == sum(found.values())
                sums = {s: sums[s] + Money(found[s], "CNY") for s in STAGES}
            tx.ledger.check()
        return {stage: amount for stage, amount in sums.items() if amount}


def office(store: Store, programme: Programme = BASE) -> Office:
    clock = ManualClock(MONDAY)
    tenants = (Tenant(id="me", name="Me", credit_limit=cny("100"), facts={"size": "small"}),)
    plan = grid([site("a")], [pool("pa", "a")], tenants=tenants, programmes=(programme,))
    engine = SimulatedEngine({"pa": 32}, clock)
    hub = Hub(store=store, clock=clock, grid=plan, engines={"pa": engine}, accelerators={})
    open_accounts(hub)
    set_budget(hub, "city", cny("1000"), "2026")
    set_budget(hub, "city", cny("1000"), "2026")
    pay_fund(hub, "city", cny("1000"), "t")
    return Office(hub, clock)


def case(rent: str = "800", **facts: str) -> Case:
    first = MONDAY.date()
    cost = Cost(line="rent", amount=cny(rent), from_day=first, until_day=first + 9 * DAY)
    return Case(id="", at=MONDAY, facts=facts, costs=(cost,))


def approved(desk: Office, name: str = "app", rent: str = "800") -> None:
    apply(desk.hub, "city", case(rent), "me", name, TENANT)
    for after, who in (("pre_check", MAKER), ("review", MAKER), ("publicity", CHECKER)):
        take(desk.hub, name, after, who)
    desk.clock.sleep(5 * 86400)
    take(desk.hub, name, "approved", CHECKER)


def test_an_application_goes_its_way_and_a_claim_is_paid_from_both_lines(store: Store) -> None:
    desk = office(store)
    approved(desk)
    assert desk.lines() == {"free": cny("600"), "committed": cny("400")}
    papers = replace(TENANT, evidence={"invoice": "0" * 64})
    claim(desk.hub, "app", cny("300"), "claim-1", papers)
    claim(desk.hub, "app", cny("300"), "claim-1", papers)  # a repeat
    take(desk.hub, "claim-1", "checked", MAKER)
    take(desk.hub, "claim-1", "rechecked", CHECKER)
    take(desk.hub, "claim-1", "approved", CHECKER)
    assert desk.lines() == {"free": cny("600"), "committed": cny("100"), "payable": cny("300")}
    take(desk.hub, "claim-1", "paid", FINANCE)
    take(desk.hub, "claim-1", "paid", FINANCE)  # a repeat
    assert desk.lines() == {"free": cny("600"), "committed": cny("100"), "paid": cny("300")}
    with desk.hub.store.transaction() as tx:
        assert tx.ledger.balance("tenant:me:CNY").posted == cny("300").micro
        steps = tx.dockets.steps("claim-1")
        assert [(s.before, s.after) for s in steps] == [
            ("", "filed"),
            ("filed", "checked"),
            ("checked", "rechecked"),
            ("rechecked", "approved"),
            ("approved", "paid"),
        ]
        assert {s.rule_version for s in steps} == {3}
    take(desk.hub, "claim-1", "clawback", replace(CHECKER, reason="the invoice was not real"))
    assert desk.lines() == {"free": cny("900"), "committed": cny("100")}


def test_maker_and_checker_are_two_persons_above_the_limit(store: Store) -> None:
    desk = office(store)
    apply(desk.hub, "city", case(), "me", "app", TENANT)
    take(desk.hub, "app", "pre_check", MAKER)
    take(desk.hub, "app", "review", MAKER)
    for wrong in (Signature(actor="maker", role=Role.CHECKER), Signature(actor="tenant", role=Role.CHECKER), MAKER):
        with pytest.raises(NotPermitted):
            take(desk.hub, "app", "publicity", wrong)
    take(desk.hub, "app", "publicity", CHECKER)
    apply(desk.hub, "city", case("100"), "me", "small", TENANT)
    for after, role in (("pre_check", Role.MAKER), ("review", Role.MAKER), ("publicity", Role.CHECKER)):
        take(desk.hub, "small", after, Signature(actor="alone", role=role))


def test_the_database_wants_two_persons_too(store: Store) -> None:
    desk = office(store)
    apply(desk.hub, "city", case(), "me", "app", TENANT)
    take(desk.hub, "app", "pre_check", MAKER)
    with desk.hub.store.transaction() as tx:
        docket, last = tx.dockets.get("app"), tx.dockets.steps("app")[-1]
    crossed = replace(last, sequence=4, before="pre_check", after="review", role=Role.CHECKER)
    jump = replace(last, sequence=4, before="draft", after="review", actor="x")
    moved = replace(docket, state="review", sequence=4)
    with pytest.raises(Never, match="docket_steps_persons"), desk.hub.store.transaction() as tx:
        tx.dockets.move(moved, crossed)
    with pytest.raises(Never, match="docket_steps_sequence"), desk.hub.store.transaction() as tx:
        tx.dockets.move(moved, jump)
    with pytest.raises(Conflict, match="changed by somebody else"), desk.hub.store.transaction() as tx:
        tx.dockets.move(replace(docket, sequence=9), replace(last, sequence=9))


def test_what_the_rules_ask_for_is_waited_for(store: Store) -> None:
    desk = office(store)
    apply(desk.hub, "city", case(), "me", "app", TENANT)
    with pytest.raises(Never, match="cannot become approved"):
        take(desk.hub, "app", "approved", CHECKER)
    for after, who in (("pre_check", MAKER), ("review", MAKER), ("publicity", CHECKER)):
        take(desk.hub, "app", after, who)
    desk.clock.sleep(4.9 * 86400)
    with pytest.raises(NotNow, match="public until"):
        take(desk.hub, "app", "approved", CHECKER)
    desk.clock.sleep(0.1 * 86400)
    take(desk.hub, "app", "approved", CHECKER)
    claim(desk.hub, "app", cny("50"), "bare", TENANT)
    with pytest.raises(Never, match="lacks: invoice"):
        take(desk.hub, "bare", "checked", MAKER)
    take(desk.hub, "bare", "disputed", replace(MAKER, reason="no invoice"))
    take(desk.hub, "bare", "filed", replace(TENANT, evidence={"invoice": "1" * 64}))
    take(desk.hub, "bare", "checked", MAKER)


def test_missing_evidence_is_supplemented_and_a_no_is_never_approved(store: Store) -> None:
    desk = office(store, replace(BASE, eligibility=(Rule(fact="contract.listed", one_of=("true",)),)))
    apply(desk.hub, "city", case(), "me", "app", TENANT)
    take(desk.hub, "app", "pre_check", MAKER)
    take(desk.hub, "app", "review", MAKER)
    with pytest.raises(Never, match="VoucherNeedsEvidence"):
        take(desk.hub, "app", "publicity", CHECKER)
    apply(desk.hub, "city", case(), "me", "again", TENANT)
    take(desk.hub, "again", "pre_check", MAKER)
    take(desk.hub, "again", "supplement", replace(MAKER, reason="is the provider listed?"))
    take(desk.hub, "again", "pre_check", TENANT, facts={"contract.listed": "true"})
    take(desk.hub, "again", "review", MAKER)
    take(desk.hub, "again", "publicity", CHECKER)
    apply(desk.hub, "city", case(**{"contract.listed": "false"}), "me", "no", TENANT)
    take(desk.hub, "no", "pre_check", MAKER)
    with pytest.raises(Never, match="VoucherNotEligible"):
        take(desk.hub, "no", "review", MAKER)
    take(desk.hub, "no", "rejected", replace(MAKER, reason="not listed"))


def test_caps_and_budget_hold_over_applications(store: Store) -> None:
    desk = office(store)
    approved(desk, "one")
    approved(desk, "two")  # 600 a tenant: 200 are left
    assert desk.lines() == {"free": cny("400"), "committed": cny("600")}
    apply(desk.hub, "city", case(), "me", "three", TENANT)
    take(desk.hub, "three", "pre_check", MAKER)
    with pytest.raises(Never, match="VoucherCapped"):
        take(desk.hub, "three", "review", MAKER)


def test_nothing_is_promised_that_is_not_there(store: Store) -> None:
    desk = office(store, replace(BASE, caps=()))
    approved(desk, "one", "1200")
    with pytest.raises(Never) as refused:
        approved(desk, "two", "1000")
    assert refused.value.code == "insufficient-balance"
    assert desk.lines() == {"free": cny("400"), "committed": cny("600")}
    with desk.hub.store.transaction() as tx:
        assert tx.dockets.get("two").state == "publicity"


@pytest.mark.parametrize("amount", ["400.01", "0.000001"])
def test_a_claim_is_within_its_grant_and_its_time(store: Store, amount: str) -> None:
    desk = office(store)
    approved(desk)
    if amount == "400.01":
        with pytest.raises(Never, match="is left of the grant"):
            claim(desk.hub, "app", cny(amount), "c", TENANT)
        return
    desk.clock.sleep(40 * 86400)
    with pytest.raises(Never, match="claims end 30 days"):
        claim(desk.hub, "app", cny(amount), "c", TENANT)


def test_an_approved_voucher_pays_an_order_from_its_lines_and_what_is_left_goes_back(store: Store) -> None:
    desk = office(store, replace(BASE, mode=Mode.APPLY))
    pay_in(desk.hub, "me", cny("1000"), "d")
    approved(desk)
    with desk.hub.store.transaction() as tx:
        assert [v.face for v in tx.ledger.vouchers(tenant="me")] == [cny("400")]
        assert tx.dockets.get("app.voucher").state == "active"
    with pytest.raises(Never, match="nothing to claim"):
        claim(desk.hub, "app", cny("5"), "c", TENANT)
    program = Program(command=("x",), environment={"SUANWANG_SIM_DURATION": "60"})
    job = submit(desk.hub, replace(workload(), demand=Demand(count=8), program=program, vouchers=("city",)), "k")
    for _ in range(200):
        tick(desk.hub, FirstComeFirstServed())
        desk.clock.sleep(600)
        with desk.hub.store.transaction() as tx:
            if tx.jobs.get(job.id).state is JobState.SETTLED:
                break
    with desk.hub.store.transaction() as tx:
        redeemed = tx.ledger.balance("redeemed:city").posted
    assert redeemed > 0
    sweep(desk.hub, desk.clock.now())
    paid = Money(redeemed, "CNY")
    assert desk.lines() == {"free": cny("600"), "committed": cny("400") - paid, "paid": paid}
    desk.clock.sleep(61 * 86400)
    assert sweep(desk.hub, desk.clock.now()) == 1
    assert sweep(desk.hub, desk.clock.now()) == 0
    assert desk.lines() == {"free": cny("1000") - paid, "paid": paid}
    with desk.hub.store.transaction() as tx:
        assert tx.ledger.balance("voucher:app").posted == 0
        assert tx.dockets.get("app.voucher").state == "expired"


def test_lines_are_drawn_by_share_and_never_below_what_they_have() -> None:
    left = {"province": cny("1"), "city": cny("9")}
    assert draw(BASE, left, cny("4")) == {"province": cny("1"), "city": cny("3")}
    assert draw(BASE, left, cny("10")) == left


def test_every_state_can_be_reached_and_every_end_is_one() -> None:
    for kind, steps in STEPS.items():
        reached, found = {""}, {""}
        while found:
            found = {after for before, after in steps if before in reached} - reached
            reached |= found
        assert reached == {state for pair in steps for state in pair}, kind
    ends = {after for _, after in STEPS[DocketKind.APPLICATION]} - {b for b, _ in STEPS[DocketKind.APPLICATION]}
    assert ends == {"approved", "rejected", "withdrawn"}


def test_committed_is_what_an_application_has(store: Store) -> None:
    desk = office(store)
    approved(desk)
    with desk.hub.store.transaction() as tx:
        assert committed_of(tx, BASE, "app") == {"province": cny("200"), "city": cny("200")}
        assert committed_of(tx, BASE, "ap") == {"province": cny("0"), "city": cny("0")}

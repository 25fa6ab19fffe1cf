"""What a voucher office may do with a docket, and what each step moves in the ledger.

A programme's budget is kept in a unit of its own, `LINE:<programme>`, one set of accounts for each fund line:

    line:<programme>:<line>:source      where the money comes from     no limit
    line:<programme>:<line>:free        not yet promised               0
    line:<programme>:<line>:committed   promised by an approval        0
    line:<programme>:<line>:payable     a claim that was approved      0
    line:<programme>:<line>:paid        paid out                       0

Every move is between two of them, and none may fall below 0: so budget = free + committed + payable + paid holds per
line by construction, and nothing is promised that is not there. What orders hold of a voucher is committed until the
order is settled.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from suanwang.domain.docket import STEPS, Docket, DocketKind, Role, Step
from suanwang.domain.ledger import Account, AccountKind, Transfer, TransferKind
from suanwang.domain.money import Money
from suanwang.domain.programme import Programme
from suanwang.errors import Message, Never, NotNow, NotPermitted, msg

STAGES = ("free", "committed", "payable", "paid")


def budget_unit(programme_id: str) -> str:
    """The unit in which a programme's budget is kept; one of it is one of the programme's currency."""
    return f"LINE:{programme_id}"


def lines_of(programme: Programme) -> tuple[str, ...]:
    """Ids of the fund lines; the programme itself where it has none."""
    return tuple(x.id for x in programme.fund_lines) or (programme.id,)


def line_id(programme: Programme, line: str, stage: str) -> str:
    return f"line:{programme.id}:{line}:{stage}"


def budget_accounts(programme: Programme) -> list[Account]:
    """Every account of a programme's budget."""
    unit, owner = budget_unit(programme.id), programme.issuer
    accounts = []
    for line in lines_of(programme):
        source = line_id(programme, line, "source")
        accounts.append(Account(id=source, kind=AccountKind.EXTERNAL, owner=owner, unit=unit, credit_limit_micro=None))
        accounts += [
            Account(id=line_id(programme, line, stage), kind=AccountKind.LINE, owner=owner, unit=unit)
            for stage in STAGES
        ]
    return accounts


def move_budget(
    programme: Programme, key: str, before: str, after: str, parts: Mapping[str, Money], at: datetime, memo: str
) -> list[Transfer]:
    """Transfers of an amount, split over the fund lines, from one stage to another; ids `line:<key>:<line>`."""
    unit = budget_unit(programme.id)
    return [
        Transfer(
            id=f"line:{key}:{line}",
            kind=TransferKind.SINGLE,
            debit=line_id(programme, line, before),
            credit=line_id(programme, line, after),
            amount=Money(amount.micro, unit),
            at=at,
            memo=memo,
        )
        for line, amount in parts.items()
        if amount
    ]


def two_persons(programme: Programme, amount: Money) -> bool:
    """Whether maker and checker must be two persons for an amount."""
    limit = programme.procedure.second_person_above
    return limit is None or amount > limit


def check_step(programme: Programme, docket: Docket, steps: Sequence[Step], step: Step) -> None:
    """Raises Never(transition-refused), NotPermitted(not-permitted), NotNow(too-early): what is wrong with a step."""
    roles = STEPS[docket.kind].get((docket.state, step.after))
    if roles is None:
        known = ", ".join(after for before, after in STEPS[docket.kind] if before == docket.state)
        raise Never(
            "transition-refused",
            msg(
                "{docket} is {state}; it cannot become {after}", docket=docket.id, state=docket.state, after=step.after
            ),
            msg("Possible now: {known}.", known=known or msg("nothing")),
        )
    if step.role not in roles:
        raise _not_permitted(
            msg("the step to {after} is not for the role {role}", after=step.after, role=step.role.value),
            msg("It is for: {roles}.", roles=", ".join(sorted(roles))),
        )
    _check_two(docket, steps, step)
    _check_publicity(programme, docket, steps, step)
    if docket.kind is DocketKind.CLAIM and step.after == "checked":
        brought = {name for earlier in steps for name in earlier.evidence} | set(step.evidence)
        lacking = [name for name in programme.procedure.evidence if name not in brought]
        if lacking:
            raise Never(
                "evidence-missing",
                msg("the claim {docket} lacks: {papers}", docket=docket.id, papers=", ".join(lacking)),
                msg("Dispute it, so that the tenant can file it again with them."),
            )


def _check_two(docket: Docket, steps: Sequence[Step], step: Step) -> None:
    """Whoever made it may not check it, nor the other way about, and a checked claim is approved by a third or by the
    checker, never by its maker. The tenant's own people are never on the office's side."""
    for earlier in steps:
        sides = {earlier.role, step.role}
        both_office = docket.two_persons and sides == {Role.MAKER, Role.CHECKER}
        both_sides = Role.TENANT in sides and len(sides) > 1 and Role.SYSTEM not in sides
        money = sides == {Role.CHECKER, Role.FINANCE} or sides == {Role.MAKER, Role.FINANCE}
        if earlier.actor == step.actor and (both_office or both_sides or (docket.two_persons and money)):
            raise _not_permitted(
                msg(
                    "{actor} acted on {docket} as {role} already",
                    actor=step.actor,
                    docket=docket.id,
                    role=earlier.role.value,
                ),
                msg("Let another person take this step."),
            )


def _check_publicity(programme: Programme, docket: Docket, steps: Sequence[Step], step: Step) -> None:
    days = programme.procedure.publicity_days
    shown = [s.at for s in steps if s.after == "publicity"]
    if docket.state == "publicity" and step.after == "approved" and step.at < shown[-1] + timedelta(days=days):
        until = shown[-1] + timedelta(days=days)
        raise NotNow(
            "too-early",
            msg(
                "{docket} is public until {until}",
                docket=docket.id,
                until=f"{until.astimezone(programme.zone):%Y-%m-%d %H:%M}",
            ),
            msg("Approve it after that, or reject it with the objection as the reason."),
        )


def _not_permitted(what: Message, remedy: Message) -> NotPermitted:
    return NotPermitted("not-permitted", what, remedy)


def whole(steps: Sequence[Step]) -> bool:
    """Whether steps count from 1 and each begins where the one before ended."""
    chained = all(a.after == b.before and b.sequence == a.sequence + 1 for a, b in pairwise(steps))
    return bool(steps) and steps[0].sequence == 1 and steps[0].before == "" and chained

"""The voucher office: applications, sign-off by two persons, vouchers, claims, clawback; each step with its money.

A step and what it moves are stored together or not at all. Every call may be repeated: a docket that is there already,
and a step to the state that it is in, change nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from suanwang.domain.case import Case
from suanwang.domain.docket import Docket, DocketKind, Role, Step
from suanwang.domain.ledger import Transfer, TransferKind
from suanwang.domain.money import Money, total
from suanwang.domain.programme import AT_ORDER, Mode, Programme
from suanwang.domain.rule import Answer
from suanwang.domain.voucher import Granted, Voucher
from suanwang.errors import Never, msg
from suanwang.ports import Transaction
from suanwang.service.hub import Hub
from suanwang.settle import fund_id, issue, tenant_id, voucher_account
from suanwang.settle.accounts import site_id
from suanwang.settle.grant import Assessment, assess, split
from suanwang.settle.office import budget_accounts, check_step, line_id, lines_of, move_budget, two_persons

SYSTEM = "grid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Who takes a step, in which role, why, and which papers (SHA-256 by kind) come with it."""

    actor: str
    role: Role
    reason: str = ""
    evidence: Mapping[str, str] | None = None


def set_budget(hub: Hub, programme_id: str, amount: Money, key: str) -> None:
    """Money that a programme may promise, over its fund lines by their shares; the same key is the same budget."""
    programme, now = hub.grid.programme(programme_id), hub.clock.now()
    with hub.store.transaction() as tx:
        _open_budget(tx, programme)
        moves = move_budget(
            programme, f"budget:{key}", "source", "free", split(programme, amount), now, f"budget {key}"
        )
        _post_once(tx, moves)


def apply(hub: Hub, programme_id: str, case: Case, tenant: str, docket_id: str, signed: Signature) -> Docket:
    """A tenant's application, drafted and submitted. Raises NotFound; Conflict for the same id with another case."""
    programme, now = hub.grid.programme(programme_id), hub.clock.now()
    known = {f"tenant.{name.removeprefix('tenant.')}": v for name, v in hub.grid.tenant(tenant).facts.items()}
    case = replace(case, id=docket_id, facts={**known, **case.facts, "tenant.id": tenant})
    with hub.store.transaction() as tx:
        amount = _assess(tx, programme, case, now).possible
        docket = Docket(
            id=docket_id,
            kind=DocketKind.APPLICATION,
            programme_id=programme.id,
            tenant=tenant,
            state="draft",
            sequence=1,
            amount=amount,
            two_persons=two_persons(programme, amount),
            case=case,
        )
        if not tx.dockets.add(docket, _step(docket, "", "draft", signed, now, programme)):
            return tx.dockets.get(docket_id)
        return _take(hub, tx, docket, "submitted", signed, now)


def claim(hub: Hub, about: str, amount: Money, docket_id: str, signed: Signature) -> Docket:
    """A claim on an approved application. Raises Never(claim-refused), naming why."""
    now = hub.clock.now()
    with hub.store.transaction() as tx:
        application = tx.dockets.get(about)
        programme = hub.grid.programme(application.programme_id)
        docket = Docket(
            id=docket_id,
            kind=DocketKind.CLAIM,
            programme_id=programme.id,
            tenant=application.tenant,
            state="filed",
            sequence=1,
            amount=amount,
            two_persons=two_persons(programme, amount),
            about=about,
        )
        if any(d.id == docket_id for d in tx.dockets.find(programme.id, (DocketKind.CLAIM,))):
            return tx.dockets.get(docket_id)
        _check_claim(tx, programme, application, amount, now)
        tx.dockets.add(docket, _step(docket, "", "filed", signed, now, programme))
        return docket


def take(hub: Hub, docket_id: str, after: str, signed: Signature, facts: Mapping[str, str] | None = None) -> Docket:
    """Take a step. `facts` come with a supplement. Raises Never, NotPermitted, NotNow (see `check_step`)."""
    now = hub.clock.now()
    with hub.store.transaction() as tx:
        docket = tx.dockets.get(docket_id)
        if docket.state == after:
            return docket
        if facts and docket.case is not None and docket.state == "supplement":
            docket = replace(docket, case=replace(docket.case, facts={**docket.case.facts, **facts}))
        return _take(hub, tx, docket, after, signed, now)


def sweep(hub: Hub, now: datetime) -> int:
    """The grid's own steps: what orders redeemed is paid from its fund lines, vouchers past their day expire."""
    with hub.store.transaction() as tx:
        live = tx.dockets.find(kinds=(DocketKind.VOUCHER,), states=("active", "frozen"))
        for docket in live:
            _pay_redeemed(hub, tx, docket, now)
        ended = [docket for docket in live if _expired(tx, docket, now)]
    for docket in ended:
        take(hub, docket.id, "expired", Signature(actor=SYSTEM, role=Role.SYSTEM))
    return len(ended)


def _take(hub: Hub, tx: Transaction, docket: Docket, after: str, signed: Signature, now: datetime) -> Docket:
    programme = hub.grid.programme(docket.programme_id)
    step = _step(docket, docket.state, after, signed, now, programme)
    check_step(programme, docket, tx.dockets.steps(docket.id), step)
    if docket.kind is DocketKind.APPLICATION and after in ("review", "publicity", "approved"):
        docket = _decided(tx, programme, docket, now, final=after != "review")
    moved = replace(docket, state=after, sequence=step.sequence)
    tx.dockets.move(moved, step)
    if docket.kind is DocketKind.APPLICATION and after == "approved":
        _approve(tx, programme, moved, now)
    elif docket.kind is DocketKind.VOUCHER and after in ("expired", "revoked", "returned"):
        _give_back(tx, programme, moved, now)
    elif docket.kind is DocketKind.CLAIM:
        _pay(hub, tx, programme, moved, now)
    return moved


def _step(docket: Docket, before: str, after: str, signed: Signature, now: datetime, programme: Programme) -> Step:
    return Step(
        docket_id=docket.id,
        sequence=docket.sequence + (before != ""),
        before=before,
        after=after,
        actor=signed.actor,
        role=signed.role,
        at=now,
        rule_version=programme.version,
        reason=signed.reason,
        evidence=signed.evidence or {},
    )


def _assess(tx: Transaction, programme: Programme, case: Case, now: datetime) -> Assessment:
    """The rules on a case as of now, with all that was approved before it."""
    approved = tx.dockets.find(programme.id, (DocketKind.APPLICATION,), ("approved",))
    before = [_granted(d) for d in approved if d.id != case.id]
    return assess(programme, replace(case, at=now, granted_before=(*case.granted_before, *before)))


def _granted(docket: Docket) -> Granted:
    assert docket.case is not None
    return docket.case.granted(docket.amount)


def _decided(tx: Transaction, programme: Programme, docket: Docket, now: datetime, *, final: bool) -> Docket:
    """The docket with what the rules grant now. Raises Never(not-eligible) where they grant nothing."""
    assert docket.case is not None
    result = _assess(tx, programme, docket.case, now)
    if result.answer is Answer.NO or (final and result.answer is not Answer.YES):
        why = result.reasons[0]
        raise Never(
            "not-eligible",
            msg("{docket}: {reason}: {detail}", docket=docket.id, reason=why.reason.value, detail=why.detail),
            msg("Ask for a supplement, or reject it with this as the reason."),
        )
    return replace(docket, amount=result.possible, two_persons=two_persons(programme, result.possible))


def _approve(tx: Transaction, programme: Programme, docket: Docket, now: datetime) -> None:
    """Promise the money; where vouchers pay orders, issue one."""
    _open_budget(tx, programme)
    parts = split(programme, docket.amount)
    _post_once(tx, move_budget(programme, f"{docket.id}:commit", "free", "committed", parts, now, f"grant {docket.id}"))
    if programme.mode not in AT_ORDER:
        return
    days = programme.procedure.valid_days
    expires = programme.closes if days is None else min(programme.closes, now + timedelta(days=days))
    face = Money(docket.amount.micro, programme.currency)
    voucher = Voucher(
        id=docket.id, programme_id=programme.id, tenant=docket.tenant, face=face, issued=now, expires=expires
    )
    tx.ledger.open(voucher_account(voucher))
    tx.ledger.add_voucher(voucher)
    tx.ledger.post([issue(voucher, now)])
    issued = replace(
        docket,
        id=f"{docket.id}.voucher",
        kind=DocketKind.VOUCHER,
        state="issued",
        sequence=1,
        about=docket.id,
        case=None,
    )
    grid = Signature(actor=SYSTEM, role=Role.SYSTEM)
    tx.dockets.add(issued, _step(issued, "", "issued", grid, now, programme))
    active = replace(issued, state="active", sequence=2)
    tx.dockets.move(active, _step(issued, "issued", "active", grid, now, programme))


def _give_back(tx: Transaction, programme: Programme, docket: Docket, now: datetime) -> None:
    """What is left of a voucher goes back: its units to their source, its money to what is free."""
    account = f"voucher:{docket.about}"
    left = tx.ledger.balance(account).available
    if left > 0:
        back = Transfer(
            id=f"return:{docket.about}",
            kind=TransferKind.SINGLE,
            debit=account,
            credit=f"issued:{programme.id}",
            amount=Money(left, programme.unit),
            at=now,
            memo=f"voucher {docket.about} {docket.state}",
        )
        _post_once(tx, [back])
    parts = committed_of(tx, programme, docket.about)
    _post_once(tx, move_budget(programme, f"{docket.about}:free", "committed", "free", parts, now, f"{docket.state}"))


def _pay(hub: Hub, tx: Transaction, programme: Programme, docket: Docket, now: datetime) -> None:
    """The money of a claim's step: approved is payable, paid leaves the fund, a clawback comes back to it."""
    parts = _parts_of(tx, programme, docket)
    memo = f"claim {docket.id} {docket.state}"
    before_after = {"approved": ("committed", "payable"), "paid": ("payable", "paid"), "clawback": ("paid", "free")}
    if docket.state not in before_after:
        return
    before, after = before_after[docket.state]
    key = f"{docket.about}:{docket.id}:{docket.state}"
    _post_once(tx, move_budget(programme, key, before, after, parts, now, memo))
    if docket.state == "approved":
        return
    fund, payee = fund_id(programme.id, programme.currency), _payee(hub, tx, programme, docket)
    debit, credit = (fund, payee) if docket.state == "paid" else (payee, fund)
    money = Transfer(
        id=f"claim:{docket.id}:{docket.state}",
        kind=TransferKind.SINGLE,
        debit=debit,
        credit=credit,
        amount=docket.amount,
        at=now,
        memo=memo,
    )
    _post_once(tx, [money])


def _payee(hub: Hub, tx: Transaction, programme: Programme, docket: Docket) -> str:
    """The tenant's account; the provider's where the programme pays providers."""
    if programme.mode is not Mode.PROVIDER:
        return tenant_id(docket.tenant, programme.currency)
    case = tx.dockets.get(docket.about).case
    assert case is not None
    return site_id(hub.grid.site(case.facts.get("provider.id", "")).id, programme.currency)


def _parts_of(tx: Transaction, programme: Programme, docket: Docket) -> Mapping[str, Money]:
    """A claim over its fund lines: as it was approved, else drawn from what its application still has there."""
    if docket.state == "approved":
        return draw(programme, committed_of(tx, programme, docket.about), docket.amount)
    parts = {}
    for line in lines_of(programme):
        for t in tx.ledger.transfers(account_id=line_id(programme, line, "payable")):
            if t.id == f"line:{docket.about}:{docket.id}:approved:{line}":
                parts[line] = Money(t.amount.micro, programme.currency)
    return parts


def committed_of(tx: Transaction, programme: Programme, application: str) -> dict[str, Money]:
    """What an application still has committed, by fund line."""
    left = {}
    for line in lines_of(programme):
        account = line_id(programme, line, "committed")
        mine = [t for t in tx.ledger.transfers(account_id=account) if t.id.startswith(f"line:{application}:")]
        micro = sum(t.amount.micro if t.credit == account else -t.amount.micro for t in mine)
        left[line] = Money(micro, programme.currency)
    return left


def draw(programme: Programme, left: Mapping[str, Money], amount: Money) -> dict[str, Money]:
    """An amount over the lines by their shares, at most what each has left; the rest from those that have some."""
    parts = {line: min(part, left[line]) for line, part in split(programme, amount).items()}
    rest = amount - total(list(parts.values()), amount.unit)
    for line, has in left.items():
        more = min(rest, has - parts[line])
        parts[line], rest = parts[line] + more, rest - more
    return parts


def _pay_redeemed(hub: Hub, tx: Transaction, docket: Docket, now: datetime) -> None:
    """Pay from the fund lines what orders redeemed of a voucher since the last sweep."""
    programme = hub.grid.programme(docket.programme_id)
    left = committed_of(tx, programme, docket.about)
    account = f"voucher:{docket.about}"
    for post in tx.ledger.transfers(account_id=account):
        if post.kind is not TransferKind.POST or post.debit != account:
            continue
        key = f"{docket.about}:redeem:{post.id}"
        done = (f"line:{key}:{line}" for line in left)
        known = {t.id for x in left for t in tx.ledger.transfers(account_id=line_id(programme, x, "paid"))}
        if known.isdisjoint(done):
            parts = draw(programme, left, Money(post.amount.micro, programme.currency))
            tx.ledger.post(move_budget(programme, key, "committed", "paid", parts, now, f"order {post.job_id}"))
            left = {line: has - parts[line] for line, has in left.items()}


def _expired(tx: Transaction, docket: Docket, now: datetime) -> bool:
    voucher = next(v for v in tx.ledger.vouchers(tenant=docket.tenant) if v.id == docket.about)
    balance = tx.ledger.balance(f"voucher:{docket.about}")
    return voucher.expires <= now and not balance.debits_pending


def _check_claim(tx: Transaction, programme: Programme, application: Docket, amount: Money, now: datetime) -> None:
    why = None
    left = total(list(committed_of(tx, programme, application.id).values()), programme.currency)
    days = programme.procedure.claim_within_days
    last = max((c.until_day for c in application.case.costs if c.until_day), default=None) if application.case else None
    if application.kind is not DocketKind.APPLICATION or application.state != "approved":
        why = msg(
            "{docket} is {state}; only an approved application can be claimed",
            docket=application.id,
            state=application.state,
        )
    elif programme.mode in AT_ORDER:
        why = msg("the vouchers of {programme} pay orders; there is nothing to claim", programme=programme.id)
    elif amount > left or amount.micro <= 0:
        why = msg("{left} is left of the grant", left=str(left))
    elif days is not None and last is not None and now.astimezone(programme.zone).date() > last + timedelta(days=days):
        why = msg("claims end {days} days after the use, which ended on {day}", days=days, day=last.isoformat())
    if why is not None:
        raise Never("claim-refused", why, msg("Claim what the grant and its rules allow; nothing was stored."))


def _open_budget(tx: Transaction, programme: Programme) -> None:
    for account in budget_accounts(programme):
        tx.ledger.open(account)


def _post_once(tx: Transaction, transfers: list[Transfer]) -> None:
    """Post those that are not there yet: a repeat comes later, which does not make it another transfer."""
    new = []
    for transfer in transfers:
        known = {t.id: t for t in tx.ledger.transfers(account_id=transfer.credit)}.get(transfer.id)
        new.append(transfer if known is None else replace(transfer, at=known.at))
    tx.ledger.post(new)

"""Voucher programmes, cases and simulations as people read them."""

from collections.abc import Sequence

from suanwang.domain.dossier import Suspicion
from suanwang.domain.programme import Programme
from suanwang.domain.reason import MEANING
from suanwang.domain.rule import Answer
from suanwang.errors import Message, msg
from suanwang.interfaces.cli.terminal import Terminal
from suanwang.interfaces.figures import money
from suanwang.schemas.wire import plain
from suanwang.settle.abuse.audit import PATTERNS
from suanwang.settle.allocate import Outcome
from suanwang.settle.grant import Assessment
from suanwang.settle.programme_words import MODES, Line

ANSWERS = {
    Answer.YES: msg("granted"),
    Answer.NO: msg("refused"),
    Answer.NEEDS_EVIDENCE: msg("needs evidence"),
}


SAID_ONCE = ("findings", "programme", "version")
"""Keys that rows of a simulation leave out."""


def name_of(terminal: Terminal, programme: Programme) -> str:
    """Its name in the reader's language."""
    return programme.name_zh if terminal.lang == "zh-CN" and programme.name_zh else programme.name


def show_programmes(terminal: Terminal, found: Sequence[Programme]) -> None:
    """A row for each programme."""
    rows = [
        (
            p.id,
            name_of(terminal, p),
            f"{p.opens.astimezone(p.zone):%Y-%m-%d} – {p.closes.astimezone(p.zone):%Y-%m-%d}",
            terminal.text(MODES[p.mode]),
            p.provenance.confidence.value,
        )
        for p in found
    ]
    terminal.table((msg("programme"), msg("name"), msg("open"), msg("how it pays"), msg("confidence")), rows)


def show_rules(terminal: Terminal, programme: Programme, lines: Sequence[Line]) -> None:
    """Every rule in plain words, with its place in the file."""
    name, version, issuer = name_of(terminal, programme), programme.version, programme.issuer
    terminal.say(msg("{name}, version {version}: {issuer}", name=name, version=version, issuer=issuer), bold=True)
    terminal.table((msg("where"), msg("what it says")), [(line.place, terminal.text(line.text)) for line in lines])
    source, confidence = programme.provenance, programme.provenance.confidence.value
    told = msg(
        "Source: {source} ({date}, {confidence}).", source=source.source, date=source.date, confidence=confidence
    )
    terminal.say(told)


def show_assessment(terminal: Terminal, programme: Programme, result: Assessment) -> None:
    """The grant, its rule, its limits, its fund lines, and what every rule answered."""
    terminal.say(
        msg(
            "{name}: {answer}, {amount}",
            name=name_of(terminal, programme),
            answer=ANSWERS[result.answer],
            amount=money(result.granted),
        ),
        bold=True,
    )
    terminal.say(msg("Recognised cost: {cost}", cost=money(result.recognised_cost)))
    if result.rule is not None:
        terminal.say(msg("Rule: {rule}", rule=result.rule))
    for why in result.reasons:
        terminal.say(msg("{reason}: {detail}", reason=why.reason.value, detail=why.detail))
    if result.answer is Answer.NEEDS_EVIDENCE:
        terminal.say(msg("With that evidence it could be {amount}.", amount=money(result.possible)))
    if len(result.fund_lines) > 1:
        terminal.table((msg("fund line"), msg(">amount")), [(k, money(v)) for k, v in result.fund_lines.items()])


def assessment_as_json(terminal: Terminal, result: Assessment) -> dict[str, object]:
    """The keys `granted recognised_cost rule reasons fund_lines`, and what led to them."""
    return {
        "case": result.case_id,
        "programme": result.programme_id,
        "version": result.programme_version,
        "answer": result.answer.value,
        "granted": plain(result.granted),
        "possible": plain(result.possible),
        "recognised_cost": plain(result.recognised_cost),
        "rule": terminal.text(result.rule) if result.rule is not None else None,
        "reasons": [{"reason": w.reason.value, "detail": terminal.text(w.detail)} for w in result.reasons],
        "fund_lines": [{"id": name, "amount": plain(amount)} for name, amount in result.fund_lines.items()],
        "findings": [plain(f, terminal.translate) for f in result.findings],
    }


def show_outcome(terminal: Terminal, outcome: Outcome) -> None:
    """The sums of a simulation and the reasons that were named."""
    programme = outcome.programme
    terminal.say(
        msg("{name}, version {version}", name=name_of(terminal, programme), version=programme.version), bold=True
    )
    rows: list[tuple[Message, str]] = [
        (msg("cases"), str(len(outcome.rows))),
        *((ANSWERS[answer], str(outcome.count(answer))) for answer in Answer),
        (msg("recognised cost"), money(outcome.recognised_cost)),
        (msg("granted in all"), money(outcome.granted)),
    ]
    terminal.table((msg("what"), msg(">figure")), [(terminal.text(name), figure) for name, figure in rows])
    if programme.fund_lines:
        lines = [(name, money(amount)) for name, amount in outcome.by_fund_line().items()]
        terminal.table((msg("fund line"), msg(">amount")), lines)
    named = [(r.value, str(n), MEANING[r]) for r, n in outcome.by_reason().items()]
    if named:
        terminal.table((msg("reason"), msg(">cases"), msg("meaning")), named)


def outcome_as_json(terminal: Terminal, outcome: Outcome) -> dict[str, object]:
    """Sums, reasons and one row for each case."""
    return {
        "programme": outcome.programme.id,
        "version": outcome.programme.version,
        "cases": len(outcome.rows),
        "answers": {answer.value: outcome.count(answer) for answer in Answer},
        "granted": plain(outcome.granted),
        "recognised_cost": plain(outcome.recognised_cost),
        "fund_lines": [{"id": name, "amount": plain(m)} for name, m in outcome.by_fund_line().items()],
        "reasons": {reason.value: count for reason, count in outcome.by_reason().items()},
        "rows": [
            {
                k: v
                for k, v in assessment_as_json(terminal, row).items()
                if k not in ("findings", "programme", "version")
            }
            for row in outcome.rows
        ],
    }


def changed_cases(first: Outcome, second: Outcome) -> list[str]:
    """Ids of the cases in which the second grants another amount."""
    before = {row.case_id: row.granted for row in first.rows}
    return [row.case_id for row in second.rows if row.granted != before.get(row.case_id)]


def show_difference(terminal: Terminal, first: Outcome, second: Outcome) -> None:
    """What the change costs."""
    more, changed = money(second.granted - first.granted), len(changed_cases(first, second))
    told = msg(
        "The change costs {amount} and decides {count} of {all} cases otherwise.",
        amount=more,
        count=changed,
        all=len(first.rows),
    )
    terminal.say(told, bold=True)


def show_suspicions(terminal: Terminal, found: Sequence[Suspicion]) -> None:
    """A row for each finding, most suspicious first, with its evidence."""
    if not found:
        terminal.say(msg("Nothing suspicious was found."))
        return
    rows = [
        (
            terminal.text(PATTERNS[s.pattern]),
            f"{s.score:.2f}",
            money(s.at_stake),
            ", ".join(s.contracts),
            "; ".join(terminal.text(e) for e in s.evidence),
        )
        for s in found
    ]
    terminal.table((msg("pattern"), msg(">score"), msg(">at stake"), msg("contracts"), msg("evidence")), rows)
    terminal.say(msg("Signs for a person to judge; nothing was refused."))


def suspicions_as_json(terminal: Terminal, found: Sequence[Suspicion]) -> dict[str, object]:
    """The findings, with their evidence in the reader's language."""
    return {"findings": [plain(s, terminal.translate) for s in found]}

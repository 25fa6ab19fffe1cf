"""The case file: what one tenant asks of a voucher programme (`suanwang voucher quote`), version 1."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, tzinfo
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, WithJsonSchema

from suanwang.domain.case import Case, Cost
from suanwang.domain.money import Money
from suanwang.domain.programme import Programme
from suanwang.domain.voucher import Granted
from suanwang.errors import msg
from suanwang.schemas.findings import Findings
from suanwang.schemas.json_schema import schema_of
from suanwang.schemas.programme_fields import FACT_GROUPS, Day, Figure, read_day, read_fact
from suanwang.schemas.quantities import Amount, show
from suanwang.schemas.section import API_VERSION, Name, Section, Word, read_section
from suanwang.schemas.times import read_instant
from suanwang.schemas.wrong import Wrong
from suanwang.schemas.yaml_file import Path, read_yaml


def read_moment(value: object) -> datetime | date:
    """An instant with its offset, or a day (its first moment in the programme's zone). Raises Wrong."""
    if isinstance(value, str) and len(value) == len("2025-01-31"):
        return read_day(value)
    return read_instant(value)


def read_facts(value: object) -> dict[str, str]:
    """Facts by dotted name, from `tenant: {stage: startup}` or `tenant.stage: startup`. Raises Wrong."""
    if not isinstance(value, Mapping):
        raise Wrong(msg("the facts are not a mapping."), msg("Write names and values, such as tenant.stage: startup."))
    facts: dict[str, str] = {}
    for name, given in value.items():
        inner = given if isinstance(given, Mapping) else {"": given}
        for tail, fact in inner.items():
            dotted = f"{name}.{tail}".rstrip(".")
            group, _, rest = dotted.partition(".")
            if group not in FACT_GROUPS or not rest:
                what = msg("{value} is not the name of a fact.", value=show(dotted))
                raise Wrong(what, msg("It begins with one of: {groups}.", groups=", ".join(FACT_GROUPS)))
            if fact is not None:
                facts[dotted] = read_fact(fact)
    return facts


_FACTS_SCHEMA = {"type": "object", "examples": [{"tenant": {"stage": "startup"}}]}
Facts = Annotated[dict[str, str], PlainValidator(read_facts), WithJsonSchema(_FACTS_SCHEMA)]
Moment = Annotated[
    datetime | date,
    PlainValidator(read_moment),
    WithJsonSchema({"type": "string", "examples": ["2025-06-01", "2025-06-01T08:00+08:00"]}),
]


class CostSection(Section):
    """One line of a contract."""

    line: Word = Field(description="What it is for: rent, power, data, storage …")
    amount: Amount = Field(description="Amount in the contract.")
    paid: Amount | None = Field(None, description="What of it was actually paid; not known if not given.")
    from_day: Day | None = Field(None, description="First day that it covers.")
    until_day: Day | None = Field(None, description="Last day that it covers, included.")
    days: Annotated[int, Field(ge=1)] | None = Field(None, description="Days that it covers, instead of the dates.")
    days_counted: Annotated[int, Field(ge=0)] | None = Field(None, description="How many of them are in the window.")


class GrantedSection(Section):
    """What the programme granted before."""

    at: Moment = Field(description="When.")
    amount: Amount = Field(description="Amount.")
    tenant: Word | None = Field(None, description="To whom; the tenant of the case if not given.")
    group: Name | None = Field(None, description="Its group of related tenants.")
    contract: Name | None = Field(None, description="For which contract.")
    provider: Name | None = Field(None, description="At which provider.")
    project: Name | None = Field(None, description="For which project.")
    kind: Word | None = Field(None, description="Kind of voucher.")


class CaseSection(Section):
    """What is asked, with the facts that the rules need."""

    id: Word = Field("case", description="Id.")
    at: Moment = Field(description="When it is decided.")
    kind: Word | None = Field(None, description="Kind of voucher that is asked for.")
    facts: Facts = Field({}, description="Facts by name; a fact that is not given is not known.")
    costs: list[CostSection] = Field([], description="Lines of the contract.")
    quantities: dict[Word, Figure] = Field({}, description="Measured quantities by unit, such as accelerator_hour.")
    granted_before: list[GrantedSection] = Field([], description="What the programme granted before.")
    other_subsidies: dict[Word, Amount] = Field({}, description="What other programmes pay on the same contract.")


class CaseFile(Section):
    """A case file."""

    api_version: Literal["suanwang/v1"] = Field(
        alias="apiVersion", description=f"Version of the format: {API_VERSION}."
    )
    kind: Literal["Case"] = Field(description="What the file describes.")
    case: CaseSection = Field(description="The case.")


def case_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the case file."""
    return schema_of(CaseFile, "case")


def read_case(text: str, name: str, programme: Programme) -> Case:
    """The case of a YAML text, for a programme (its currency and zone). Raises InvalidInput with every problem."""
    findings = Findings(read_yaml(text, name))
    section = read_section(CaseFile, findings).case
    _check(section, findings, programme)
    findings.raise_any()
    return _case(section, programme)


def _check(section: CaseSection, findings: Findings, programme: Programme) -> None:
    for where, amount in _amounts(section):
        if amount is not None and amount.unit != programme.currency:
            what = msg("it is in {given}, not in {currency}.", given=amount.unit, currency=programme.currency)
            findings.add(("case", *where), what, msg("Give it in the currency of the programme."))
    for i, cost in enumerate(section.costs):
        where = ("case", "costs", i)
        if cost.from_day is not None and cost.until_day is not None and cost.until_day < cost.from_day:
            findings.add((*where, "until_day"), msg("it ends before it begins."), msg("Exchange or correct the days."))
        if cost.days is not None and cost.days_counted is not None and cost.days_counted > cost.days:
            what = msg("more days count than there are.")
            findings.add((*where, "days_counted"), what, msg("Give at most the days that it covers."))


def _amounts(section: CaseSection) -> Iterator[tuple[Path, Money | None]]:
    for i, cost in enumerate(section.costs):
        yield ("costs", i, "amount"), cost.amount
        yield ("costs", i, "paid"), cost.paid
    for i, grant in enumerate(section.granted_before):
        yield ("granted_before", i, "amount"), grant.amount
    for name, amount in section.other_subsidies.items():
        yield ("other_subsidies", name), amount


def _case(section: CaseSection, programme: Programme) -> Case:
    facts = contract_facts(section.facts, [_cost(c) for c in section.costs], programme.currency)
    return Case(
        id=section.id,
        at=moment(section.at, programme.zone),
        kind=section.kind or "",
        facts=facts,
        costs=tuple(_cost(c) for c in section.costs),
        quantities={name: Fraction(value) for name, value in section.quantities.items()},
        granted_before=tuple(_granted(g, facts, programme.zone) for g in section.granted_before),
        other_subsidies=section.other_subsidies,
    )


def contract_facts(facts: Mapping[str, str], costs: list[Cost], currency: str) -> dict[str, str]:
    """The facts with those that the costs tell: contract.amount, contract.days; a given one is never replaced."""
    told: dict[str, str] = {}
    if costs and all(c.amount.unit == currency for c in costs):
        told["contract.amount"] = f"{Money(sum(c.amount.micro for c in costs), currency).decimal:f}"
    first = [c.from_day for c in costs if c.from_day is not None]
    last = [c.until_day for c in costs if c.until_day is not None]
    if first and last:
        told["contract.days"] = str((max(last) - min(first)).days + 1)
    return told | dict(facts)


def moment(when: datetime | date, zone: tzinfo) -> datetime:
    """Aware UTC: a day is its first moment in the zone."""
    if isinstance(when, datetime):
        return when
    return datetime.combine(when, time(), zone).astimezone(UTC)


def _cost(section: CostSection) -> Cost:
    return Cost(
        line=section.line,
        amount=section.amount,
        paid=section.paid,
        from_day=section.from_day,
        until_day=section.until_day,
        days=section.days,
        days_counted=section.days_counted,
    )


def _granted(section: GrantedSection, facts: Mapping[str, str], zone: tzinfo) -> Granted:
    """An earlier grant; without a tenant it was this one's, with its group."""
    own = section.tenant in (None, facts.get("tenant.id", ""))
    return Granted(
        at=moment(section.at, zone),
        amount=section.amount,
        tenant=section.tenant or facts.get("tenant.id", ""),
        job=section.contract or "",
        group=section.group or (facts.get("tenant.group", "") if own else ""),
        provider=section.provider or "",
        project=section.project or "",
        kind=section.kind or "",
    )

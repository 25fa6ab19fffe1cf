"""The fields of the programme file (rules of compute vouchers), version 1."""

import re
from datetime import date
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field, PlainValidator, Strict, WithJsonSchema

from suanwang.domain.programme import Allocation, Counting, Mode, Period, Rounding, Scope
from suanwang.domain.provenance import Confidence
from suanwang.errors import msg
from suanwang.schemas.quantities import Amount, Currency, Ratio, show
from suanwang.schemas.section import API_VERSION, Argument, Name, Names, Section, Text, Word
from suanwang.schemas.times import Instant, Zone
from suanwang.schemas.wrong import Wrong

FACT_GROUPS = ("tenant", "provider", "accelerator", "workload", "project", "contract", "milestone", "target")
_FACT = rf"^({'|'.join(FACT_GROUPS)})\.\S+$"
_FIGURE = re.compile(r"\s*(-?\d[\d_,]{0,20}(?:\.\d{1,9})?)\s*(%|[A-Z]{3})?\s*")


def read_figure(value: object) -> Fraction:
    """A number from 5, 0.3, "30 %" or "50000 CNY" (the programme's currency), exactly. Raises Wrong."""
    text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    match = _FIGURE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise Wrong(msg("{value} is not a number.", value=show(value)), msg('Give a number, "30 %" or "50000 CNY".'))
    number = Fraction(re.sub("[,_]", "", match[1]))
    return number / 100 if match[2] == "%" else number


def read_day(value: object) -> date:
    """A day from 2025-01-31. Raises Wrong."""
    try:
        if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise Wrong(msg("{value} is not a day.", value=show(value)), msg("Write it as {example}.", example="2025-01-31"))


def read_fact(value: object) -> str:
    """A fact's value as text: a boolean is "true" or "false", a number as typed. Raises Wrong."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str) and len(value) <= 500 and value.isprintable():
        return value
    raise Wrong(msg("{value} is not a fact.", value=show(value)), msg("Give a line of text, a number, true or false."))


_NUMBER_SCHEMA = {"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^\s*-?\d.*$"}], "examples": ["30 %"]}
Figure = Annotated[Fraction, PlainValidator(read_figure), WithJsonSchema(_NUMBER_SCHEMA)]
"""A number, a percentage, or an amount in the programme's currency."""
Day = Annotated[
    date,
    PlainValidator(read_day),
    WithJsonSchema({"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$", "examples": ["2025-01-31"]}),
]
Fact = Annotated[str, PlainValidator(read_fact), WithJsonSchema({"type": ["string", "number", "boolean"]})]
Days = Annotated[int, Field(ge=0, le=36_500)]


class SourceSection(Section):
    """Where a figure comes from."""

    text: Text = Field(description="Publication, contract or method.")
    date: Argument = Field("", description="Date of it, ISO; possibly only a year.")
    confidence: Annotated[Confidence, Strict(False)] = Field(
        Confidence.ESTIMATE, description="How far it can be trusted."
    )


class RuleSection(Section):
    """A test of a fact; all that is given must hold. A fact that is not known asks for evidence."""

    fact: Annotated[str, Field(max_length=200, pattern=_FACT)] | None = Field(
        None, description="Dotted name, such as tenant.legal_form or contract.signed."
    )
    one_of: Annotated[Names, Field(min_length=1)] | None = Field(None, description="Values that the rule admits.")
    not_one_of: Annotated[Names, Field(min_length=1)] | None = Field(
        None, description="Values that the rule does not admit."
    )
    equals: Fact | None = Field(None, description="The one value that the rule admits: text, number, true or false.")
    at_least: Figure | None = Field(None, description="Least number, included.")
    at_most: Figure | None = Field(None, description="Greatest number, included.")
    on_or_after: Day | None = Field(None, description="First day, included.")
    on_or_before: Day | None = Field(None, description="Last day, included.")
    any_of: list["RuleSection"] = Field([], description="Rules of which one must hold.")
    all_of: list["RuleSection"] = Field([], description="Rules that must all hold.")
    none_of: list["RuleSection"] = Field([], description="Rules of which none may hold.")


class BracketSection(Section):
    """A share of one part of the recognised cost."""

    up_to: Amount | None = Field(None, description="Upper end of the part; all the rest if not given.")
    ratio: Ratio = Field(description="Share of that part that is paid.")


class RateSection(Section):
    """What is paid when all rules hold, in one of four ways; the first rate that holds applies."""

    ratio: Ratio | None = Field(None, description="Share of the recognised cost that is paid.")
    brackets: list[BracketSection] = Field([], description="A share for each part of the recognised cost.")
    face: Amount | None = Field(None, description="An amount as it stands.")
    per_unit: Amount | None = Field(None, description="An amount for each measured unit.")
    unit: Word | None = Field(None, description="The unit: accelerator_hour, pflop_hour, million_tokens, kwh …")
    at_most: Amount | None = Field(None, description="Most that this rate pays in one case.")
    kind: Word | None = Field(None, description="Kind of voucher that it is for (compute, model …).")
    when: list[RuleSection] = Field([], description="Rules that must all hold; none means always.")


class CapSection(Section):
    """A limit on all grants of one scope in one period."""

    scope: Annotated[Scope, Strict(False)] = Field(description="Whose grants count together.")
    amount: Amount | None = Field(None, description="Most in money.")
    count: Annotated[int, Field(ge=1)] | None = Field(None, description="Most in number of jobs or contracts.")
    period: Annotated[Period, Strict(False)] = Field(Period.PROGRAMME, description="Over what it counts.")
    counting: Annotated[Counting, Strict(False)] = Field(Counting.ISSUED, description="What it counts.")
    kind: Word | None = Field(None, description="Kind of voucher that it limits; all if not given.")
    when: list[RuleSection] = Field([], description="Rules that must all hold for the limit to apply.")


class BudgetSection(Section):
    """Money of the programme in one period."""

    amount: Amount = Field(description="Amount.")
    period: Annotated[Period, Strict(False)] = Field(Period.PROGRAMME, description="For how long.")
    kind: Word | None = Field(None, description="Kind of voucher that it is for; all if not given.")


class FundLineSection(Section):
    """Who bears which share of every grant."""

    id: Word = Field(description="Id.")
    level: Name = Field(description="Level of government or other source: state, province, city, district …")
    share: Ratio = Field(description="Share; all lines together are 100 %.")


class RecognitionSection(Section):
    """Which part of a cost counts, and how it is rounded."""

    paid_only: bool = Field(False, description="Count only what was actually paid.")
    prorate: bool = Field(False, description="Count only the days inside the window, first and last included.")
    from_day: Day | None = Field(None, description="First day of the window; the day of opening if not given.")
    until_day: Day | None = Field(None, description="Last day of the window; the programme's last if not given.")
    step: Amount | None = Field(None, description="Recognised cost and grant are whole multiples of it.")
    rounding: Annotated[Rounding, Strict(False)] = Field(Rounding.DOWN, description="How they are made so.")


class StackingSection(Section):
    """Together with which other subsidies on the same contract."""

    together_with: Literal["any", "none"] | Names = Field("any", description="any, none, or the programmes that may.")
    at_most: Ratio = Field(Fraction(1), description="Most of the cost that all subsidies together may pay.")


class ScoreSection(Section):
    """Points for those for whom all rules hold."""

    points: Figure = Field(description="Points; they add up.")
    when: list[RuleSection] = Field(min_length=1, description="Rules that must all hold.")


class PrioritySection(Section):
    """Who comes first when the budget does not reach."""

    allocation: Annotated[Allocation, Strict(False)] = Field(Allocation.FIRST_COME, description="How it is shared out.")
    scores: list[ScoreSection] = Field([], description="Points, for `score`.")
    reserve: Ratio | None = Field(None, description="Share of the budget that is kept for some.")
    reserve_for: list[RuleSection] = Field([], description="Those for whom it is kept: rules that must all hold.")


class ProcedureSection(Section):
    """Who signs, and how long things take."""

    second_person_above: Amount | None = Field(None, description="Grants above it need two persons; all if not given.")
    publicity_days: Days = Field(0, description="Days that a grant is public before it holds.")
    claim_within_days: Days | None = Field(None, description="Days after the use within which a claim is filed.")
    evidence: Names = Field([], description="What a claim must bring: invoice, bank_slip, delivery_proof, metering …")
    valid_days: Annotated[int, Field(ge=1, le=36_500)] | None = Field(None, description="Days that a voucher lives.")
    warn_days: Days = Field(30, description="Days before its end at which its tenant is warned.")
    clawback_days: Days | None = Field(None, description="Days within which money can be claimed back.")


class ProgrammeSection(Section):
    """Rules of one voucher programme."""

    id: Word = Field(description="Id; its vouchers are counted in the unit `VCH:<id>`.")
    version: Annotated[int, Field(ge=1)] = Field(1, description="Version of the rules.")
    name: Name = Field(description="Name.")
    name_zh: Text = Field("", description="Chinese name.")
    issuer: Name = Field(description="Who issues and pays.")
    currency: Currency = Field(description="Currency of its vouchers (ISO 4217).")
    mode: Annotated[Mode, Strict(False)] = Field(Mode.DEDUCT, description="How the money reaches a tenant.")
    opens: Instant = Field(description="Valid from.")
    closes: Instant = Field(description="Valid until, not including that instant.")
    zone: Zone | None = Field(None, description="Time zone of its days and years; Asia/Shanghai if not given.")
    rates: list[RateSection] = Field(min_length=1, description="What is paid; the first that holds applies.")
    eligibility: list[RuleSection] = Field([], description="Rules that must all hold for any grant.")
    recognised: Names = Field(["rent", "power"], min_length=1, description="Lines of cost that count.")
    recognition: RecognitionSection | None = Field(None, description="Which part of them counts; all if not given.")
    cap_per_job: Amount | None = Field(None, description="Most for one job or contract; no cap if not given.")
    cap_per_tenant: Amount | None = Field(None, description="Most for one tenant in all; no cap if not given.")
    caps: list[CapSection] = Field([], description="Further limits.")
    budget: list[BudgetSection] = Field([], description="Money that there is in all.")
    fund_lines: list[FundLineSection] = Field([], description="Who bears which share; the issuer all of it if none.")
    minimum_spend: Amount | None = Field(None, description="Recognised cost below which nothing is paid.")
    stacking: StackingSection | None = Field(None, description="Other subsidies on the same contract.")
    priority: PrioritySection | None = Field(None, description="Who comes first.")
    procedure: ProcedureSection | None = Field(None, description="Who signs, and how long things take.")
    parameters: dict[Name, Argument] = Field({}, description="Further figures of the programme, as published.")
    source: SourceSection = Field(description="Where the rules were published.")


class ProgrammeFile(Section):
    """A programme file."""

    api_version: Literal["suanwang/v1"] = Field(
        alias="apiVersion", description=f"Version of the format: {API_VERSION}."
    )
    kind: Literal["Programme"] = Field(description="What the file describes.")
    programme: ProgrammeSection = Field(description="The programme.")

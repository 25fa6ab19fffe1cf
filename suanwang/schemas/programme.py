"""The programme file (rules of compute vouchers), version 1: its fields, and to the domain."""

from typing import Annotated, Any, Literal

from pydantic import Field, Strict

from suanwang.domain.placement import CostPart
from suanwang.domain.provenance import Confidence, Provenance
from suanwang.domain.voucher import Programme, Rate, Rule
from suanwang.errors import msg
from suanwang.schemas.findings import Findings
from suanwang.schemas.json_schema import schema_of
from suanwang.schemas.quantities import Amount, Currency, Ratio
from suanwang.schemas.section import API_VERSION, Argument, Name, Names, Section, Text, Word, choice, read_section
from suanwang.schemas.times import Instant
from suanwang.schemas.yaml_file import Path, read_yaml

COST_PARTS = (CostPart.RENT.value, CostPart.POWER.value, CostPart.DATA.value)
FACT_GROUPS = ("tenant", "provider", "accelerator", "workload")
MONEY_FIELDS = ("cap_per_job", "cap_per_tenant", "minimum_spend")


_FACT = rf"^({'|'.join(FACT_GROUPS)})\.\S+$"


class SourceSection(Section):
    """Where a figure comes from."""

    text: Text = Field(description="Publication, contract or method.")
    date: Text = Field("", description="Date of it, ISO; possibly only a year.")
    confidence: Annotated[Confidence, Strict(False)] = Field(
        Confidence.ESTIMATE, description="How far it can be trusted."
    )


class RuleSection(Section):
    """A fact must be one of some values; a fact that is not known asks for evidence."""

    fact: Annotated[str, Field(max_length=200, pattern=_FACT)] = Field(
        description="Dotted name, such as tenant.legal_form or provider.province."
    )
    one_of: Names = Field(min_length=1, description="Values that the rule admits.")


class RateSection(Section):
    """A share that is paid when all rules hold; the first rate that holds applies."""

    ratio: Ratio = Field(description="Share of the recognised cost that is paid.")
    when: list[RuleSection] = Field([], description="Rules that must all hold; none means always.")


class ProgrammeSection(Section):
    """Rules of one voucher programme."""

    id: Word = Field(description="Id; its vouchers are counted in the unit `VCH:<id>`.")
    version: Annotated[int, Field(ge=1)] = Field(1, description="Version of the rules.")
    name: Name = Field(description="Name.")
    name_zh: Text = Field("", description="Chinese name.")
    issuer: Name = Field(description="Who issues and pays.")
    currency: Currency = Field(description="Currency of its vouchers (ISO 4217).")
    opens: Instant = Field(description="Valid from.")
    closes: Instant = Field(description="Valid until, not including that instant.")
    rates: list[RateSection] = Field(min_length=1, description="Shares, the first that holds applies.")
    eligibility: list[RuleSection] = Field([], description="Rules that a tenant or provider must meet, all of them.")
    recognised: list[Annotated[str, choice(*COST_PARTS), Field(json_schema_extra={"enum": list(COST_PARTS)})]] = Field(
        ["rent", "power"], min_length=1, description="Kinds of cost that count."
    )
    cap_per_job: Amount | None = Field(None, description="Most for one job; no cap if not given.")
    cap_per_tenant: Amount | None = Field(None, description="Most for one tenant; no cap if not given.")
    minimum_spend: Amount | None = Field(None, description="Recognised cost below which nothing is paid.")
    parameters: dict[Name, Argument] = Field({}, description="Further figures of the programme, as published.")
    source: SourceSection = Field(description="Where the rules were published.")


class ProgrammeFile(Section):
    """A programme file."""

    api_version: Literal["suanwang/v1"] = Field(
        alias="apiVersion", description=f"Version of the format: {API_VERSION}."
    )
    kind: Literal["Programme"] = Field(description="What the file describes.")
    programme: ProgrammeSection = Field(description="The programme.")


def programme_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the programme file."""
    return schema_of(ProgrammeFile, "programme")


def read_programme(text: str, name: str) -> Programme:
    """The programme of a YAML text; `name` is the file's name in messages. Raises InvalidInput with every problem."""
    findings = Findings(read_yaml(text, name))
    section = read_section(ProgrammeFile, findings).programme
    check_programme(section, findings, ("programme",))
    findings.raise_any()
    return make_programme(section)


def check_programme(section: ProgrammeSection, findings: Findings, path: Path) -> None:
    """Adds what contradicts itself; `section` may be partly read."""
    if None not in (section.opens, section.closes) and section.closes <= section.opens:
        what = msg("the programme closes before it opens.")
        findings.add((*path, "closes"), what, msg("Give a time of closing after opens."))
    for field in MONEY_FIELDS:
        amount = getattr(section, field)
        if amount is not None and section.currency is not None and amount.unit != section.currency:
            what = msg(
                "{field} is in {given}, not in {currency}.", field=field, given=amount.unit, currency=section.currency
            )
            findings.add((*path, field), what, msg("Give it in the currency of the programme."))
    for i, rate in enumerate(section.rates[:-1]):
        if not rate.when and rate.ratio is not None:
            what = msg("the rates after this one never apply, because it always holds.")
            findings.add((*path, "rates", i), what, msg("Put the rate without `when` last."))


def make_programme(section: ProgrammeSection) -> Programme:
    """The domain's programme; `section` has no problems."""
    return Programme(
        id=section.id,
        version=section.version,
        name=section.name,
        name_zh=section.name_zh,
        issuer=section.issuer,
        currency=section.currency,
        opens=section.opens,
        closes=section.closes,
        rates=tuple(Rate(ratio=r.ratio, when=make_rules(r.when)) for r in section.rates),
        provenance=make_provenance(section.source),
        eligibility=make_rules(section.eligibility),
        recognised=tuple(section.recognised),
        cap_per_job=section.cap_per_job,
        cap_per_tenant=section.cap_per_tenant,
        minimum_spend=section.minimum_spend,
        parameters=section.parameters,
    )


def make_provenance(source: SourceSection) -> Provenance:
    """The domain's provenance."""
    return Provenance(source=source.text, date=source.date, confidence=source.confidence)


def make_rules(rules: list[RuleSection]) -> tuple[Rule, ...]:
    """The domain's rules."""
    return tuple(Rule(fact=rule.fact, one_of=tuple(rule.one_of)) for rule in rules)

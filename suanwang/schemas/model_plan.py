"""The model plan file (`suanwang model`), version 1, to what is to be estimated and compared; all problems at once."""

from dataclasses import dataclass

from suanwang.domain.catalog import Catalog, Fact
from suanwang.domain.provenance import Provenance
from suanwang.domain.workload import Demand, FinetuneMethod, Serving, Task, Training, Workload, WorkloadKind
from suanwang.errors import msg
from suanwang.feasibility.model_plan import Energy, ModelPlan, Team, Tokens, Use, Way
from suanwang.feasibility.plan import HOURS_PER_MONTH
from suanwang.schemas.findings import Findings
from suanwang.schemas.model_plan_fields import (
    CardSection,
    ModelPlanFile,
    ModelPlanSection,
    ModelServingSection,
    TokensSection,
    TrainingSection,
    WaySection,
)
from suanwang.schemas.programme import make_provenance
from suanwang.schemas.programme_fields import SourceSection
from suanwang.schemas.section import read_section
from suanwang.schemas.yaml_file import Path, read_yaml

_ROOT: Path = ("model_plan",)
_NEEDS = {
    "pretrain": ("model", "training", "serving"),
    "finetune": ("model", "training", "serving"),
    "rent": ("model", "serving"),
    "api": ("tokens",),
}
_SECONDS = HOURS_PER_MONTH * 3600
_SAMPLE_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the estimator is to be asked: `workload` on `accelerators` cards of a kind (None: as many as it needs), each
    at `price` an hour. `place` is where the file says so."""

    place: str
    workload: Workload
    accelerator_id: str
    accelerators: int | None
    price: float
    source: Provenance | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedWay:
    """A way without its estimates, and what is to be asked for them."""

    way: Way
    section: WaySection
    training: Asked | None
    serving: Asked | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """A plan whose ways have yet to be estimated."""

    plan: ModelPlan
    ways: tuple[AskedWay, ...]


def read_model_plan(text: str, name: str, catalog: Catalog) -> ModelRequest:
    """The request of a YAML text; `name` is the file's name in messages. Raises InvalidInput with every problem."""
    findings = Findings(read_yaml(text, name))
    section = read_section(ModelPlanFile, findings).model_plan
    reader = _Reader(section, findings, catalog)
    reader.check()
    findings.raise_any()
    return ModelRequest(plan=reader.plan(), ways=tuple(reader.way(i, w) for i, w in enumerate(section.ways)))


def _source(source: SourceSection | None) -> Provenance | None:
    return make_provenance(source) if source else None


class _Reader:
    """One file's plan against the catalog."""

    def __init__(self, section: ModelPlanSection, findings: Findings, catalog: Catalog) -> None:
        self.section, self.findings, self.catalog = section, findings, catalog
        self.rates = {e.currency: e.rate for e in section.exchange if e.currency and e.rate}

    def check(self) -> None:
        """Adds every problem of meaning."""
        self.findings.unique((*_ROOT, "ways"), (way.name for way in self.section.ways), "name")
        self._unit((*_ROOT, "energy", "price"), getattr(self.section.energy.price, "unit", None))
        for index, way in enumerate(self.section.ways):
            place = (*_ROOT, "ways", index)
            self._needed(way, place)
            if way.model is not None:
                self.findings.reference((*place, "model"), msg("models of the catalog"), way.model, self.catalog.models)
            for part, cards in (("training", way.training), ("serving", way.serving)):
                if cards is not None:
                    self._cards(cards, (*place, part))
            if way.tokens is not None:
                self._tokens(way.tokens, (*place, "tokens"))
            if way.data is not None and way.data.cost is not None:
                self._unit((*place, "data", "cost"), way.data.cost.unit)
            for number, team in enumerate(way.team):
                self._unit((*place, "team", number, "per_year"), getattr(team.per_year, "unit", None))

    def _needed(self, way: WaySection, place: Path) -> None:
        needed = _NEEDS.get(way.kind, ())
        for part in ("model", "training", "serving", "tokens"):
            given = getattr(way, part) is not None
            if part in needed and not given:
                what = msg("a way of kind {kind} needs {part}.", kind=way.kind, part=part)
                self.findings.add((*place, "kind"), what, msg("Add {part}, or give another kind.", part=part))
            if needed and given and part not in needed:
                what = msg("a way of kind {kind} has no {part}.", kind=way.kind, part=part)
                self.findings.add((*place, part), what, msg("Leave it out, or give another kind."))

    def _unit(self, place: Path, unit: str | None, *, exchanged: bool = False) -> None:
        currency = self.section.currency
        if unit is None or currency is None or unit == currency or (exchanged and unit in self.rates):
            return
        what = msg("this is in {given}, the plan in {currency}.", given=unit, currency=currency)
        remedy = msg("Give it in the currency of the plan.")
        if exchanged:
            remedy = msg("Add the rate of {given} with its source under `exchange`.", given=unit)
        self.findings.add(place, what, remedy)

    def _cards(self, cards: CardSection, place: Path) -> None:
        named = (*place, "accelerator")
        accelerators = self.catalog.accelerators
        card = self.findings.reference(named, msg("accelerators of the catalog"), cards.accelerator, accelerators)
        if card is not None and cards.dtype and cards.dtype not in card.peak_flops_per_s:
            what = msg("{card} does not compute in {dtype}", card=card.id, dtype=cards.dtype)
            known = ", ".join(card.peak_flops_per_s)
            self.findings.add((*place, "dtype"), what, msg("Use one of: {names}.", names=known))
        if (cards.price is None) == (cards.sample is None):
            what = msg("an accelerator-hour needs one of price and sample.")
            remedy = msg("Give its price, or name a sample of `suanwang catalog list prices`.")
            self.findings.add(place, what, remedy)
        if cards.price is not None:
            self._unit((*place, "price"), cards.price.currency)
        if cards.sample is not None:
            where = (*place, "sample")
            sample = self.findings.reference(where, msg("prices of the catalog"), cards.sample, self.catalog.prices)
            if sample is not None:
                self._unit(where, sample.per_accelerator_hour.unit, exchanged=True)

    def _tokens(self, tokens: TokensSection, place: Path) -> None:
        given = [side for side in (tokens.input, tokens.output) if side is not None]
        if (tokens.sample is None) != (len(given) == 2) or (tokens.sample is not None and given):
            what = msg("tokens need either a sample, or the prices of both input and output.")
            remedy = msg("Give both prices, or name a sample of `suanwang catalog list token_prices`.")
            self.findings.add(place, what, remedy)
        for side, price in (("input", tokens.input), ("output", tokens.output)):
            if price is not None:
                self._unit((*place, side), price.unit)
        if tokens.sample is not None:
            facts = {name.removesuffix("-input"): fact for name, fact in self.catalog.facts.items() if _is_sample(fact)}
            where = (*place, "sample")
            fact = self.findings.reference(where, msg("samples of token prices"), tokens.sample, facts)
            if fact is not None:
                self._unit(where, fact.unit.partition("/")[0], exchanged=True)

    def plan(self) -> ModelPlan:
        own, sources = (
            self.section,
            {"use": _source(self.section.use.source), "energy": _source(self.section.energy.source)},
        )
        sources |= {f"exchange {e.currency}": make_provenance(e.source) for e in own.exchange}
        return ModelPlan(
            id=own.id,
            name=own.name,
            name_zh=own.name_zh,
            currency=own.currency,
            months=own.months,
            discount_rate=own.discount_rate,
            use=Use(
                input_tokens=own.use.input_tokens_per_month,
                output_tokens=own.use.output_tokens_per_month,
                growth_per_year=own.use.growth_per_year,
            ),
            energy=Energy(price=float(own.energy.price.decimal), pue=own.energy.pue),
            ways=(),
            sources={name: source for name, source in sources.items() if source is not None},
        )

    def way(self, index: int, section: WaySection) -> AskedWay:
        place = (*_ROOT, "ways", index)
        way = Way(
            name=section.name,
            kind=section.kind,
            tokens=self._token_prices(section.tokens) if section.tokens else None,
            data=float(section.data.cost.decimal) if section.data else 0.0,
            data_source=_source(section.data.source) if section.data else None,
            team=tuple(
                Team(
                    name=t.name,
                    people=t.people,
                    per_year=float(t.per_year.decimal),
                    building=t.during == "building",
                    source=_source(t.source),
                )
                for t in section.team
            ),
            preparation_months=section.preparation_months,
        )
        training, serving = section.training, section.serving
        return AskedWay(
            way=way,
            section=section,
            training=self._training(section, training, (*place, "training")) if training else None,
            serving=self._serving(section, serving, (*place, "serving")) if serving else None,
        )

    def _asked(self, cards: CardSection, place: Path, task: Task, kind: WorkloadKind, count: int | None) -> Asked:
        price, source = cards.price, _source(cards.source)
        amount = price.amount if price is not None else 0.0
        if cards.sample is not None:
            sample = self.catalog.prices[cards.sample]
            money = sample.per_accelerator_hour
            amount, source = float(money.decimal) * self.rates.get(money.unit, 1.0), source or sample.provenance
        workload = Workload(name=kind.value, kind=kind, task=task, tenant="", demand=Demand(count=count))
        where = self.findings.document.place(place)
        return Asked(
            place=where,
            workload=workload,
            accelerator_id=cards.accelerator,
            accelerators=count,
            price=amount,
            source=source,
        )

    def _training(self, way: WaySection, own: TrainingSection, place: Path) -> Asked:
        task = Training(
            model=self.catalog.models[way.model or ""],
            tokens=own.tokens,
            sequence_length=own.sequence_length,
            global_batch=own.global_batch,
            dtype=own.dtype,
            method=FinetuneMethod(own.method),
        )
        kind = WorkloadKind.PRETRAIN if way.kind == "pretrain" else WorkloadKind.FINETUNE
        return self._asked(own, place, task, kind, own.accelerators)

    def _serving(self, way: WaySection, own: ModelServingSection, place: Path) -> Asked:
        """The load of the first month at its busiest hours; the pace of a copy follows from it."""
        use = self.section.use
        first, each = own.first_token_max, own.per_token_max
        task = Serving(
            model=self.catalog.models[way.model or ""],
            requests_per_s=use.output_tokens_per_month / use.output_tokens / _SECONDS * own.peak,
            input_tokens=use.input_tokens,
            output_tokens=use.output_tokens,
            duration_s=_SAMPLE_DAY_S,
            dtype=own.dtype,
            first_token_ms_max=None if first is None else first * 1000,
            per_token_ms_max=None if each is None else each * 1000,
        )
        return self._asked(own, place, task, WorkloadKind.SERVE, None)

    def _token_prices(self, own: TokensSection) -> Tokens:
        if own.sample is None:
            assert own.input is not None
            assert own.output is not None
            return Tokens(
                input_price=float(own.input.decimal) / 1e6,
                output_price=float(own.output.decimal) / 1e6,
                source=_source(own.source),
            )
        sides = [self.catalog.fact(f"{own.sample}-{side}") for side in ("input", "output")]
        read, written = (
            fact.value_or_raise() * self.rates.get(fact.unit.partition("/")[0], 1.0) / 1e6 for fact in sides
        )
        return Tokens(input_price=read, output_price=written, source=_source(own.source) or sides[0].provenance)


def _is_sample(fact: Fact) -> bool:
    return fact.table == "token_prices" and fact.id.endswith("-input")

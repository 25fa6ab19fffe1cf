"""What a workload file must mean: references, limits that contradict one another, fields that its kind needs."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import PurePosixPath

from suanwang.domain.accelerator import DTYPES, Accelerator, AcceleratorKind
from suanwang.domain.catalog import Catalog
from suanwang.domain.site import Grid
from suanwang.domain.workload import PLACES, FinetuneMethod, WorkloadKind
from suanwang.errors import msg
from suanwang.schemas.findings import Findings
from suanwang.schemas.times import instant
from suanwang.schemas.workload_fields import BatchSection, DemandSection, ModelShape, WorkloadSection

_TRAINING = ("model", "tokens", "sequence_length", "global_batch")
_NEEDED: dict[WorkloadKind, tuple[str, ...]] = {
    WorkloadKind.PRETRAIN: _TRAINING,
    WorkloadKind.FINETUNE: _TRAINING,
    WorkloadKind.SERVE: ("model", "serving"),
    WorkloadKind.BATCH: ("batch",),
}
_OPTIONAL: dict[WorkloadKind, tuple[str, ...]] = {WorkloadKind.FINETUNE: ("method", "lora_rank")}
_OF_SOME_KIND = (*_TRAINING, "method", "lora_rank", "serving", "batch")


def check_workload(
    section: WorkloadSection, findings: Findings, catalog: Catalog, now: datetime, grid: Grid | None
) -> None:
    """Adds every problem of meaning to `findings`; `section` may be partly read. `grid` None: what a grid would know
    (sites, tenants, programmes) is not checked."""
    _check_kind(section, findings)
    _check_training(section, findings)
    _check_batch(section, findings, catalog)
    _check_serving(section, findings, catalog)
    _check_demand(section, findings, catalog)
    _check_times(section, findings, now)
    _check_rest(section, findings)
    _check_places(section, findings, catalog, grid)
    if grid is not None:
        _check_grid(section, findings, grid)


def _check_kind(section: WorkloadSection, findings: Findings) -> None:
    kind = section.kind
    needed = _NEEDED.get(kind)
    if needed is None:
        return
    for field in needed:
        if getattr(section, field) is None:
            what = msg("a {kind} workload needs {field}.", kind=kind.value, field=field)
            findings.add(("workload", field), what, msg("Add it; docs/reference/files.md says what it means."))
    for field in _OF_SOME_KIND:
        if field not in needed + _OPTIONAL.get(kind, ()) and getattr(section, field) is not None:
            what = msg("{field} means nothing to a {kind} workload.", kind=kind.value, field=field)
            findings.add(("workload", field), what, msg("Remove it, or correct kind."))


def _check_training(section: WorkloadSection, findings: Findings) -> None:
    tokens, length, batch = section.tokens, section.sequence_length, section.global_batch
    if tokens is not None and length is not None and batch is not None and length * batch > tokens:
        what = msg(
            "one step of global_batch x sequence_length = {step} tokens is more than tokens.", step=length * batch
        )
        findings.add(("workload", "tokens"), what, msg("Raise tokens, or lower global_batch or sequence_length."))
    if section.lora_rank is not None and section.method in (None, FinetuneMethod.FULL):
        what = msg("lora_rank is given, but method is full.")
        findings.add(
            ("workload", "lora_rank"),
            what,
            msg("Set method to lora or qlora, or remove lora_rank."),
            ("workload", "method"),
        )


def _check_batch(section: WorkloadSection, findings: Findings, catalog: Catalog) -> None:
    batch, path = section.batch, ("workload", "batch")
    if batch is None:
        return
    sizes = {"flops": batch.flops, "items": batch.items, "duration": batch.duration}
    if (given := sum(size is not None for size in sizes.values())) != 1:
        what = (
            msg("more than one of flops, items and duration is given.")
            if given
            else msg("none of flops, items and duration is given.")
        )
        findings.add(path, what, msg("Give exactly one of them."), *((*path, name) for name in sizes))
    _check_items(batch, findings, catalog)
    if batch.duration is not None and batch.duration_accelerator is None:
        what = msg("a duration needs duration_accelerator.")
        remedy = msg("Say which accelerator the duration was seen on.")
        findings.add((*path, "duration"), what, remedy, (*path, "duration_accelerator"))
    cards = msg("accelerators of the catalog")
    findings.reference((*path, "duration_accelerator"), cards, batch.duration_accelerator, catalog.accelerators)


def _check_items(batch: BatchSection, findings: Findings, catalog: Catalog) -> None:
    path = ("workload", "batch")
    items = {fact.id: fact for fact in catalog.facts.values() if fact.table == "items"}
    findings.reference((*path, "item"), msg("items of the catalog"), batch.item, items)
    if batch.items is not None and batch.item is None and batch.flops_per_item is None:
        what = msg("items are given, but not what one needs.")
        findings.add(
            (*path, "items"), what, msg("Give flops_per_item, or item: an id of `suanwang catalog list items`.")
        )
    for field in ("item", "flops_per_item", "memory_traffic_per_item"):
        if batch.items is None and getattr(batch, field) is not None:
            what = msg("{field} is given, but not how many items.", field=field)
            findings.add((*path, field), what, msg("Give items."))


def _check_serving(section: WorkloadSection, findings: Findings, catalog: Catalog) -> None:
    serving, model = section.serving, section.model
    context = model.context if isinstance(model, ModelShape) else None
    if isinstance(model, str) and model in catalog.models:
        context = catalog.models[model].context
    if serving is None or not context or None in (serving.input_tokens, serving.output_tokens):
        return
    if serving.input_tokens + serving.output_tokens > context:
        what = msg("input_tokens and output_tokens together exceed the model's context of {n} tokens.", n=context)
        findings.add(("workload", "serving"), what, msg("Lower them, or choose a model with a longer context."))


def _check_demand(section: WorkloadSection, findings: Findings, catalog: Catalog) -> None:
    asked, path = section.accelerators, ("workload", "accelerators")
    if not isinstance(asked, DemandSection):
        return
    vendors = {a.vendor: a for a in catalog.accelerators.values()}
    features = dict.fromkeys((*DTYPES, *(kind.value for kind in AcceleratorKind)), "")
    kinds = [
        findings.reference((*path, "kinds", i), msg("accelerators of the catalog"), wanted, catalog.accelerators)
        for i, wanted in enumerate(asked.kinds)
    ]
    for i, vendor in enumerate(asked.vendors):
        findings.reference((*path, "vendors", i), msg("vendors of the catalog"), vendor, vendors)
    for i, feature in enumerate(asked.capabilities):
        findings.reference((*path, "capabilities", i), msg("capabilities"), feature, features)
    found = [kind for kind in kinds if kind is not None]
    if found and len(found) == len(kinds):
        _check_contradiction(section, asked, found, findings)


def _check_contradiction(
    section: WorkloadSection, asked: DemandSection, kinds: Iterable[Accelerator], findings: Findings
) -> None:
    """Kinds, vendors, capabilities and dtype must leave at least one accelerator."""
    path = ("workload", "accelerators")
    vendors = [(*path, "vendors", i) for i in range(len(asked.vendors))]
    capabilities = [(*path, "capabilities", i) for i in range(len(asked.capabilities))]
    remedy = msg("Remove one of the two, or name other kinds.")
    left = [k for k in kinds if not asked.vendors or k.vendor in asked.vendors]
    if not left:
        what = msg("kinds and vendors contradict: none of the kinds is by one of the vendors.")
        findings.add(path, what, remedy, *vendors)
        return
    left = [k for k in left if set(asked.capabilities) <= k.capabilities]
    if not left:
        what = msg("kinds and capabilities contradict: none of the kinds has all capabilities.")
        findings.add(path, what, remedy, *capabilities)
    elif section.dtype and not any(section.dtype in k.peak_flops_per_s for k in left):
        what = msg("dtype {dtype} and kinds contradict: no peak in it is known for any of them.", dtype=section.dtype)
        findings.add(path, what, remedy)


def _check_times(section: WorkloadSection, findings: Findings, now: datetime) -> None:
    start, end = instant(section.earliest_start, now), instant(section.deadline, now)
    if end is not None and end <= now:
        what = msg("the deadline {end} is in the past.", end=_time(end))
        findings.add(("workload", "deadline"), what, msg("It is {now} now; give a later time.", now=_time(now)))
    if start is not None and end is not None and start >= end:
        what = msg(
            "earliest_start {start} and deadline {end} contradict: no time is left.", start=_time(start), end=_time(end)
        )
        findings.add(("workload", "deadline"), what, msg("Give a deadline after earliest_start."))
    save, limit = section.checkpoint.every if section.checkpoint else None, section.time_limit
    if save is not None and limit is not None and save >= limit:
        what = msg("checkpoint.every and time_limit contradict: nothing is saved before the time limit.")
        findings.add(("workload", "checkpoint"), what, msg("Save more often, or raise time_limit."))


def _check_rest(section: WorkloadSection, findings: Findings) -> None:
    for field in ("environment", "directory"):
        if getattr(section, field) and not section.command:
            what = msg("{field} is given, but there is no command.", field=field)
            findings.add(("workload", field), what, msg("Add command, or remove it."), ("workload", "command"))
    for label, values in section.requires.items():
        if not values:
            what = msg("requires {label} to be one of nothing.", label=label[:60])
            findings.add(("workload", "requires", label), what, msg("List at least one value, or remove it."))
    _check_files(section, findings)
    findings.unique(("workload", "after"), [a.workload for a in section.after], "workload")
    _check_links(section, findings)
    findings.unique(("workload", "vouchers"), section.vouchers)


def _check_files(section: WorkloadSection, findings: Findings) -> None:
    """What is brought and taken: names and paths within their folder, addresses that the grid can reach."""
    findings.unique(("workload", "data"), [d.name for d in section.data], "name")
    findings.unique(("workload", "outputs"), [o.path for o in section.outputs], "path")
    named = {("workload", "data", i): (d.name, "name", d.uri) for i, d in enumerate(section.data) if d.uri}
    named |= {("workload", "outputs", i): (o.path, "path", o.uri) for i, o in enumerate(section.outputs)}
    whole = {place: given for place, given in named.items() if None not in given}
    for place, (path, field, uri) in whole.items():
        parts = PurePosixPath(path).parts
        if not parts or path.startswith("/") or ".." in parts:
            what = msg("{path!r} is no path within a folder.", path=path)
            findings.add((*place, field), what, msg("Write it like results/model.bin: no leading / and no .. in it."))
        scheme, _, rest = uri.partition("://")
        if scheme not in PLACES or not rest.partition("/")[2]:
            what = msg("{uri!r} is no place of a file: one of {schemes}", uri=uri, schemes=", ".join(PLACES))
            remedy = msg("Write it as s3://bucket/name, https://host/name, rsync://user@host/path.")
            findings.add((*place, "uri"), what, remedy)
    for i, data in enumerate(section.data):
        if data.sha256 and not data.uri:
            what = msg("{field} is given, but there is no {needed}.", field="sha256", needed="uri")
            findings.add(("workload", "data", i, "sha256"), what, msg("Add {field}, or remove it.", field="uri"))


def _check_links(section: WorkloadSection, findings: Findings) -> None:
    """Other workloads that it names: not itself, and none both near and apart."""
    named = {("workload", "after", i, "workload"): a.workload for i, a in enumerate(section.after)}
    others = {("workload", f, i): n for f in ("near", "apart") for i, n in enumerate(getattr(section, f))}
    for path, name in (*named.items(), *others.items()):
        if name is not None and name == section.name:
            findings.add(path, msg("{name} is the workload itself.", name=name), msg("Name another one, or remove it."))
    for i, name in enumerate(section.apart):
        if name in section.near:
            what = msg("near and apart contradict: {name} is in both.", name=name)
            findings.add(("workload", "apart", i), what, msg("Remove it from one of the two."))


def _check_places(section: WorkloadSection, findings: Findings, catalog: Catalog, grid: Grid | None) -> None:
    cities = {c.id: c for c in grid.cities} if grid else dict(catalog.cities)
    if section.latency is not None:
        findings.reference(("workload", "latency", "city"), msg("cities"), section.latency.city, cities)
    if grid is not None:
        places = {**dict.fromkeys(cities, ""), **dict.fromkeys((s.id for s in grid.sites), "")}
        for i, item in enumerate(section.data):
            findings.reference(("workload", "data", i, "at"), msg("cities and sites"), item.at, places)


def _check_grid(section: WorkloadSection, findings: Findings, grid: Grid) -> None:
    if grid.tenants:
        tenants = {t.id: t for t in grid.tenants}
        findings.reference(("workload", "tenant"), msg("tenants of the grid"), section.tenant, tenants)
    programmes = {p.id: p for p in grid.programmes}
    for i, wanted in enumerate(section.vouchers):
        findings.reference(("workload", "vouchers", i), msg("voucher programmes of the grid"), wanted, programmes)
    if section.budget is not None and section.budget.unit != grid.currency:
        what = msg(
            "the budget is in {given}, the grid in {currency}.", given=section.budget.unit, currency=grid.currency
        )
        findings.add(("workload", "budget"), what, msg("Give it in the currency of the grid."))


def _time(when: datetime) -> str:
    return when.isoformat(timespec="minutes")

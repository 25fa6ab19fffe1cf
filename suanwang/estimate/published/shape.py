"""The model of a published run: its shape as printed, what is not printed chosen so that the parameters come out.

A table prints layers, hidden size and heads, and not whether the feed-forward part is gated, embeddings are tied, or
experts are shared. A model of the catalog with the same shape lends these; else the combination is taken whose count
of parameters (total, and active where printed) is nearest to the printed one. Without a shape the model is found by its
name, and a dense one is built from its number of parameters alone.
"""

import re
from dataclasses import replace
from itertools import product

from suanwang.domain.catalog import Catalog
from suanwang.domain.model import ModelSpec
from suanwang.errors import msg
from suanwang.estimate.flops import parameters
from suanwang.estimate.published.row import Row, Unscored

VOCAB = 50_000
"""Where the vocabulary is not printed."""
BUILT_LAYERS = ((1e9, 24), (4e9, 32), (20e9, 44), (60e9, 60), (120e9, 80), (float("inf"), 96))
"""Layers by parameters of the usual dense models, for a model that is known by its size only."""


def plain(name: str) -> str:
    """A name without what publishers write differently: case, spaces, hyphens, brackets."""
    return re.sub(r"\(.*?\)|[^a-z0-9.]", "", name.lower())


def named(name: str, catalog: Catalog) -> ModelSpec | None:
    """The model of the catalog whose id or name is in the printed name, or holds it; the longest match."""
    wanted = plain(name)
    found = [
        (len(label), model)
        for model in catalog.models.values()
        for label in {plain(model.id), plain(model.name)}
        if label and (label in wanted or (len(wanted) >= 6 and wanted in label))
    ]
    return max(found, key=lambda pair: pair[0])[1] if found else None


def alike(row: Row, catalog: Catalog) -> ModelSpec | None:
    """The model of the catalog with the printed layers, hidden size, heads and experts."""
    return next(
        (
            m
            for m in catalog.models.values()
            if (m.layers, m.hidden, m.heads) == (row.number("layers"), row.number("hidden"), row.number("heads"))
            and m.experts == (row.number("moe_experts") or 0)
            and m.ffn in (row.number("ffn"), m.expert_ffn)
        ),
        None,
    )


def distance(model: ModelSpec, total: float | None, active: float | None) -> float:
    """How far the counted parameters are from the printed ones, as a sum of relative differences."""
    counts = parameters(model)
    off = abs(counts.total / total - 1) if total else 0.0
    return off + (abs(counts.active / active - 1) if active else 0.0)


def printed(row: Row, catalog: Catalog) -> ModelSpec:
    """The shape as printed; raises ValueError (of ModelSpec) where it cannot exist."""
    known = alike(row, catalog)
    total = (row.number("params_B") or 0.0) * 1e9
    if known is not None and (not total or distance(known, total, None) < 0.05):
        return replace(known, vocab=row.whole("vocab", known.vocab))
    hidden, heads = row.whole("hidden", 1), row.whole("heads", max(row.whole("hidden", 128) // 128, 1))
    experts = int(row.number("moe_experts") or 0)
    ffn = row.whole("ffn", 4 * hidden)
    base = ModelSpec(
        id=row.text("model") or row.text("id"),
        layers=row.whole("layers", 1),
        hidden=hidden,
        heads=heads,
        kv_heads=row.whole("kv_heads", heads),
        head_size=128 if hidden % heads else hidden // heads,
        ffn=ffn,
        vocab=row.whole("vocab", VOCAB),
        gated=ffn != 4 * hidden,
        experts=experts,
        experts_per_token=row.whole("moe_topk", 1) if experts else 0,
        expert_ffn=row.whole("moe_ffn", ffn) if experts else 0,
    )
    if not total:
        return base
    sizes = {base.head_size, 64, 128} if experts or hidden % heads else {base.head_size, 128}
    latent = replace(base, kv_latent=512, query_latent=1536, rope_size=64)
    open_to = [
        replace(m, gated=gated, tied_embeddings=tied, head_size=size, shared_experts=shared, dense_layers=dense)
        for m, gated, tied, size, shared, dense in product(
            (base, latent) if experts and base.kv_heads == heads else (base,),
            (True, False),
            (False, True),
            sorted(sizes),
            (0, 1, 2) if experts else (0,),
            (0, 1, 3) if experts and base.layers > 3 else (0,),
        )
    ]
    active = (row.number("active_params_B") or 0.0) * 1e9
    # the printed shape stands where the count does not say otherwise: ties go to the plainer combination
    return min(open_to, key=lambda m: round(distance(m, total, active), 3))


def built(row: Row) -> ModelSpec:
    """A dense model of the printed number of parameters (12 L h^2) in the usual proportions."""
    total = (row.number("params_B") or 0.0) * 1e9
    layers = next(n for most, n in BUILT_LAYERS if total <= most)
    hidden = max(round((total / layers / 12) ** 0.5 / 128), 1) * 128
    return ModelSpec(
        id=row.text("model"),
        layers=layers,
        hidden=hidden,
        heads=hidden // 128,
        ffn=4 * hidden,
        vocab=VOCAB,
        gated=False,
        tied_embeddings=True,
    )


def model(row: Row, catalog: Catalog) -> ModelSpec:
    """The model of a row. Raises Unscored where neither shape, name nor number of parameters gives one."""
    if row.number("layers") and row.number("hidden"):
        try:
            return printed(row, catalog)
        except ValueError as impossible:
            raise Unscored(msg("the printed shape cannot exist: {why}", why=str(impossible))) from impossible
    found = named(row.text("model"), catalog)
    total = row.number("params_B")
    if found is not None and (total is None or distance(found, total * 1e9, None) < 0.1):
        return found
    active = row.number("active_params_B")
    sparse = (
        row.number("moe_experts") or (active and total and active < 0.9 * total) or "moe" in plain(row.text("model"))
    )
    if total and not sparse:
        return built(row)
    raise Unscored(msg("no layers and hidden size, and the catalog has no model {name!r}", name=row.text("model")))

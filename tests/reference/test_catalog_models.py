"""Every model of the built-in catalog has the parameters that were published for it, and raises on no card."""

from itertools import product

import pytest

from suanwang.adapters.catalog import load_catalog
from suanwang.domain.estimate import Estimate
from suanwang.domain.model import ModelSpec
from suanwang.domain.placement import Rejection
from suanwang.domain.site import Pool
from suanwang.domain.workload import Serving, Workload, WorkloadKind
from suanwang.estimate.flops import parameters
from suanwang.estimate.workload import estimate

CATALOG = load_catalog()
PUBLISHED = [m for m in CATALOG.models.values() if m.parameters_published]


@pytest.mark.parametrize("model", PUBLISHED, ids=lambda m: m.id)
def test_parameters_follow_from_the_shape(model: ModelSpec) -> None:
    """Within 0.8 %: learned positions and biases are not in the shape, and many figures are rounded."""
    assert model.parameters_published is not None
    assert parameters(model).total == pytest.approx(model.parameters_published, rel=0.008)


def test_no_card_and_model_raises() -> None:
    """Blank figures of real cards give a named refusal."""
    kinds = set()
    for card, model in product(CATALOG.accelerators.values(), CATALOG.models.values()):
        pool = Pool(
            id="p", site_id="s", accelerator=card, nodes=2, accelerators_per_node=8, engine="", price_book_id=""
        )
        task = Serving(
            model=model, requests_per_s=1.0, input_tokens=500, output_tokens=200, duration_s=3600.0, dtype="fp16"
        )
        kinds.add(type(estimate(Workload(name="w", kind=WorkloadKind.SERVE, task=task, tenant="t"), pool)))
    assert kinds == {Estimate, Rejection}

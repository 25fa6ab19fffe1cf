"""`suanwang model`: what a model costs, and how to get it: train, fine-tune, rent cards, or buy tokens."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from suanwang.errors import msg
from suanwang.interfaces.cli.files import write_files
from suanwang.interfaces.cli.terminal import Terminal

if TYPE_CHECKING:
    from suanwang.service.model_study import ModelFindings

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("plan")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; amounts in the plan's currency.")
@click.option("--html", type=_FILE, help="Write the report as a page.")
@click.option("--pdf", type=_FILE, help="Write the report as PDF.")
@click.pass_obj
def model(terminal: Terminal, plan: str, as_json: bool, html: Path | None, pdf: Path | None) -> None:
    """What a model costs by each way to get it, and from which use and month on a way pays.

    \b
    Examples:
      suanwang model examples/models/assistant.yaml
      suanwang --lang zh-CN model examples/models/assistant.yaml --pdf model.pdf
    """
    from suanwang.adapters.catalog import load_catalog
    from suanwang.bootstrap import read_text
    from suanwang.interfaces.reports.model import model_report
    from suanwang.schemas.model_plan import read_model_plan
    from suanwang.service.model_study import answer_model

    catalog = load_catalog()
    found = answer_model(read_model_plan(read_text(plan), plan, catalog), catalog)
    write_files(terminal, lambda: model_report(found, terminal.lang, terminal.text), html=html, pdf=pdf)
    terminal.json(as_data(found)) if as_json else _show(terminal, found)


def as_data(found: "ModelFindings") -> dict[str, Any]:
    """Every figure; costs are present worth, tokens of the first month."""
    from dataclasses import asdict

    plan = found.plan
    ways = zip(plan.ways, found.costs, found.influences, strict=True)
    return {
        "plan": plan.id,
        "currency": plan.currency,
        "months": plan.months,
        "cheapest": found.cheapest.name,
        "ways": [
            {
                **asdict(cost),
                "training": asdict(way.training) if way.training else None,
                "serving": asdict(way.serving) if way.serving else None,
                "tokens": asdict(way.tokens) if way.tokens else None,
                "rests_on": [asdict(each) for each in rests],
            }
            for way, cost, rests in ways
        ],
    }


def _show(terminal: Terminal, found: "ModelFindings") -> None:
    from suanwang.interfaces.reports.model import breaks_even
    from suanwang.interfaces.reports.names import COST_PARTS
    from suanwang.interfaces.reports.writer import Writer

    w = Writer(terminal.lang, found.plan.currency, terminal.text)
    heads = (msg(">Total"), msg(">Low"), msg(">High"), msg(">Per Mtoken"), msg(">Used after"))
    last = (msg(">Pays from, tokens a month"), msg(">from month"))
    rows = [
        (
            cost.name,
            *(w.money(end) for end in (cost.total.mid, cost.total.low, cost.total.high)),
            w.price(cost.per_mtoken, ""),
            w.text(msg("{months} months", months=cost.ready_month)),
            *breaks_even(cost, w),
        )
        for cost in found.costs
    ]
    title = msg("Present worth of {months} months, {currency}", months=found.plan.months, currency=found.plan.currency)
    terminal.table([msg("Way"), *heads, *last], rows, title=title)
    terminal.say("")
    parts = [(c.name, *(w.money(c.parts[part]) for part in COST_PARTS)) for c in found.costs]
    terminal.table(
        [msg("Way"), *(f">{w.text(name)}" for name in COST_PARTS.values())], parts, title=msg("Cost by part")
    )
    for cost, rests in zip(found.costs, found.influences, strict=True):
        names = ", ".join(f"{each.name} (± {w.short(each.width / 2)})" for each in rests[:3])
        terminal.say(msg("{way} rests most on: {names}.", way=cost.name, names=names))

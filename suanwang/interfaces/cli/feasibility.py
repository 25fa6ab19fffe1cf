"""`suanwang feasibility`: does a site pay back, before it is built and while it runs."""

from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from suanwang.errors import InvalidInput, Problem, msg
from suanwang.interfaces.cli.files import write_files
from suanwang.interfaces.cli.terminal import Terminal

if TYPE_CHECKING:
    from suanwang.feasibility.study import Study

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("site")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; amounts in the plan's currency.")
@click.option("--monthly", is_flag=True, help="With --json: the cash flow of every month too.")
@click.option("--breakeven", metavar="VARIABLE", help="Value of VARIABLE at which the NPV is 0.")
@click.option("--tornado", is_flag=True, help="What the NPV rests on, by influence.")
@click.option("--montecarlo", metavar="N", type=int, default=0, help="Draw the uncertain figures N times.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the draws.")
@click.option("--scenarios", is_flag=True, help="Scenarios, other ways, retrofits and moves side by side.")
@click.option("--pricing", is_flag=True, help="What to charge for an accelerator-hour.")
@click.option("--set", "settings", metavar="VARIABLE=VALUE", multiple=True, help="Another value of a variable.")
@click.option("--assumptions", type=_FILE, help="CSV of variable,value: other values of variables.")
@click.option("--series", type=_FILE, help="CSV or JSON of months from a replay, in place of the assumed demand.")
@click.option("--actual", type=_FILE, help="CSV or JSON of the months so far: plan against actual.")
@click.option("--ledger", metavar="SITE_ID", help="Plan against actual from this grid's own ledger.")
@click.option("--since", metavar="DATE", help="With --ledger: day of the decision (month 1 starts then), ISO 8601 UTC.")
@click.option("--html", type=_FILE, help="Write the report for a board as a page.")
@click.option("--pdf", type=_FILE, help="Write the report for a board as PDF.")
@click.option("--xlsx", type=_FILE, help="Write the cash flow as a workbook with live formulas.")
@click.pass_obj
def feasibility(terminal: Terminal, /, site: str, **asked: Any) -> None:
    """Does the site of a plan pay back: NPV, IRR, pay-back, cost of an accelerator-hour, cash flow.

    \b
    Examples:
      suanwang feasibility examples/sites/east-100p.yaml
      suanwang feasibility examples/sites/east-100p.yaml --breakeven price
      suanwang feasibility examples/sites/east-100p.yaml --set utilisation=0.4 --json
      suanwang --lang zh-CN feasibility examples/sites/east-100p.yaml --montecarlo 10000 --pdf report.pdf
    """
    from suanwang.adapters.catalog import load_catalog
    from suanwang.feasibility.breakeven import break_even
    from suanwang.interfaces.cli import feasibility_views as views
    from suanwang.interfaces.reports.study import study_report
    from suanwang.interfaces.reports.workbook import study_workbook
    from suanwang.service.studies import answer

    catalog = load_catalog()
    study = _study(site, asked, catalog)
    if asked["breakeven"]:
        views.show_break_even(terminal, break_even(study.plan, asked["breakeven"]), as_json=asked["as_json"])
        return
    if asked["actual"] or asked["ledger"]:
        views.show_review(terminal, study.plan, _review(study, asked), as_json=asked["as_json"])
        return
    if asked["montecarlo"] < 0:
        what = msg("{draws} draws are not possible.", draws=asked["montecarlo"])
        raise InvalidInput([Problem("--montecarlo", what, msg("Ask for 1 or more."))])
    findings = answer(study, catalog, draws=asked["montecarlo"], seed=asked["seed"])
    book = (asked["xlsx"], lambda: study_workbook(findings, terminal.lang, terminal.text)) if asked["xlsx"] else None
    report = partial(study_report, findings, terminal.lang, terminal.text)
    write_files(terminal, report, html=asked["html"], pdf=asked["pdf"], xlsx=book)
    if asked["as_json"]:
        terminal.json(views.as_json(findings, terminal, monthly=asked["monthly"]))
    elif asked["tornado"]:
        views.show_tornado(terminal, findings)
    elif asked["scenarios"]:
        views.show_scenarios(terminal, findings)
    elif asked["pricing"]:
        views.show_pricing(terminal, findings)
    elif asked["montecarlo"]:
        views.show_risk(terminal, findings)
    else:
        views.show_summary(terminal, findings)


def _study(site: str, asked: dict[str, Any], catalog: Any) -> "Study":
    """The plan of the file with the values of the options."""
    from dataclasses import replace

    from suanwang.bootstrap import read_text
    from suanwang.feasibility.scenarios import turned
    from suanwang.schemas.months_file import check_value, read_assumptions, read_months
    from suanwang.schemas.site_plan import read_site_plan
    from suanwang.service.studies import with_series

    study = read_site_plan(read_text(site), site, catalog)
    values: dict[str, float] = {}
    if asked["assumptions"]:
        values |= read_assumptions(read_text(str(asked["assumptions"])), str(asked["assumptions"]))
    for setting in asked["settings"]:
        name, _, value = setting.partition("=")
        values[name.strip()] = check_value(f"--set {setting[:60]}", name.strip(), value.strip())
    plan = turned(study.plan, values)
    if asked["series"]:
        plan = with_series(plan, read_months(read_text(str(asked["series"])), str(asked["series"])))
    return replace(study, plan=plan)


def _review(study: "Study", asked: dict[str, Any]) -> Any:
    from suanwang.bootstrap import open_house, read_text
    from suanwang.feasibility.variance import review
    from suanwang.schemas.months_file import read_months
    from suanwang.service.studies import metered

    if asked["actual"]:
        name = str(asked["actual"])
        return review(study.plan, read_months(read_text(name), name))
    house = open_house()
    try:
        return review(study.plan, metered(house.hub.store, asked["ledger"], _since(asked["since"]), study.plan))
    finally:
        house.close()


def _since(text: str | None) -> datetime:
    from suanwang.schemas.times import read_instant
    from suanwang.schemas.wrong import Wrong

    try:
        return read_instant(f"{text}T00:00Z" if text and "T" not in text else text)
    except Wrong as error:
        raise InvalidInput([Problem("--since", error.message, error.remedy)]) from error

"""`suanwang feasibility`: does a site pay back, before it is built and while it runs."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from suanwang.errors import InvalidInput, Problem, msg
from suanwang.interfaces.cli.files import write_files
from suanwang.interfaces.cli.terminal import Terminal

if TYPE_CHECKING:
    from suanwang.domain.catalog import Catalog
    from suanwang.feasibility.study import Study
    from suanwang.feasibility.variance import Review
    from suanwang.service.replayed import Replayed

_VIEWS = {
    "tornado": "show_tornado",
    "scenarios": "show_scenarios",
    "pricing": "show_pricing",
    "montecarlo": "show_risk",
    "monthly": "show_months",
}
"""What each option shows in place of the summary."""
_QUIET_DRAWS = 100_000
_PATIENCE_HOURS_MAX = 8760
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("site")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; amounts in the plan's currency.")
@click.option("--monthly", is_flag=True, help="The cash flow of every month (with --json: too).")
@click.option("--breakeven", metavar="VARIABLE", help="Value of VARIABLE at which the NPV is 0.")
@click.option("--tornado", is_flag=True, help="What the NPV rests on, by influence.")
@click.option("--montecarlo", metavar="N", type=int, default=0, help="Draw the uncertain figures N times.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Seed of the draws.")
@click.option(
    "--sampling",
    type=click.Choice(["latin", "sobol"]),
    default="latin",
    show_default=True,
    help="Draws: a Latin hypercube, or Sobol's sequence.",
)
@click.option("--scenarios", is_flag=True, help="Scenarios, other ways, retrofits and moves side by side.")
@click.option("--pricing", is_flag=True, help="What to charge for an accelerator-hour.")
@click.option("--set", "settings", metavar="VARIABLE=VALUE", multiple=True, help="Another value of a variable.")
@click.option("--assumptions", type=_FILE, help="CSV or Excel of variable,value: other values of variables.")
@click.option("--series", type=_FILE, help="CSV, Excel or JSON of months, in place of the assumed demand.")
@click.option("--replay", "trace", type=_FILE, help="Trace of jobs that is replayed on the site for its utilisation.")
@click.option("--policy", default="easy", show_default=True, help="With --replay: the queueing policy.")
@click.option("--marginal", is_flag=True, help="With --replay: marginal prices too, in place of the plan's.")
@click.option("--patience", type=float, default=24.0, show_default=True, help="Hours that jobs wait without a loss.")
@click.option("--actual", type=_FILE, help="CSV, Excel or JSON of the months so far: plan against actual.")
@click.option("--ledger", metavar="SITE_ID", help="Plan against actual from this grid's own ledger.")
@click.option("--since", metavar="DATE", help="With --ledger: day of the decision (month 1 starts then), ISO 8601 UTC.")
@click.option("--html", type=_FILE, help="Write the report for a board as a page.")
@click.option("--pdf", type=_FILE, help="Write the report for a board as PDF.")
@click.option("--xlsx", type=_FILE, help="Write the cash flow as a workbook with live formulas.")
@click.pass_obj
def feasibility(terminal: Terminal, /, site: str, **asked: Any) -> None:
    """Does the site of a plan pay back: NPV, IRR, pay-back, cost of an accelerator-hour, cash flow.

    SITE is a plan in YAML, or a table (CSV, Excel) of `field,value`.

    \b
    Examples:
      suanwang feasibility examples/sites/east-100p.yaml
      suanwang feasibility examples/sites/east-100p.yaml --breakeven price
      suanwang feasibility examples/sites/east-100p.yaml --set utilisation=0.4 --json
      suanwang --lang zh-CN feasibility examples/sites/east-100p.yaml --montecarlo 10000 --pdf report.pdf
    """
    from dataclasses import replace

    from suanwang.adapters.catalog import load_catalog
    from suanwang.feasibility.breakeven import break_even
    from suanwang.feasibility.study import rests_on
    from suanwang.interfaces.cli import feasibility_views as views
    from suanwang.interfaces.reports.review import review_report
    from suanwang.schemas.months_file import check_variable

    catalog = load_catalog()
    study, replayed = _study(site, asked, catalog)
    if asked["breakeven"]:
        _alone("--breakeven", asked, *_VIEWS, "actual", "ledger", "html", "pdf", "xlsx")
        found = break_even(study.plan, check_variable("--breakeven", asked["breakeven"]))
        views.show_break_even(terminal, found, rests_on(study), as_json=asked["as_json"])
    elif asked["actual"] or asked["ledger"]:
        _alone("--actual" if asked["actual"] else "--ledger", asked, *_VIEWS, "xlsx")
        review = _review(study, asked)
        resting = rests_on(replace(study, plan=review.forecast_plan))
        report = partial(review_report, study, review, resting, terminal.lang, terminal.text)
        write_files(terminal, report, html=asked["html"], pdf=asked["pdf"])
        views.show_review(terminal, study.plan, review, resting, as_json=asked["as_json"])
    else:
        _answer(terminal, study, replayed, asked, catalog)


def _alone(question: str, asked: dict[str, Any], *options: str) -> None:
    """Raises InvalidInput for options that have no answer beside this question."""
    wrong = [option for option in options if asked[option]]
    if wrong:
        what = msg("{question} has no such answer.", question=question)
        remedy = msg("Leave it out, or ask for the whole study.")
        raise InvalidInput(Problem(f"--{option}", what, remedy) for option in wrong)


def _answer(
    terminal: Terminal, study: "Study", replayed: "Replayed | None", asked: dict[str, Any], catalog: "Catalog"
) -> None:
    from suanwang.interfaces.cli import feasibility_views as views
    from suanwang.interfaces.reports.study import study_report
    from suanwang.interfaces.reports.workbook import study_workbook
    from suanwang.service.studies import answer

    if asked["montecarlo"] < 0:
        what = msg("{draws} draws are not possible.", draws=asked["montecarlo"])
        raise InvalidInput([Problem("--montecarlo", what, msg("Ask for 1 or more."))])
    draws = asked["montecarlo"]
    findings = answer(
        study, catalog, draws=draws, seed=asked["seed"], method=asked["sampling"], progress=_told(terminal, draws)
    )
    book = (asked["xlsx"], lambda: study_workbook(findings, terminal.lang, terminal.text)) if asked["xlsx"] else None
    report = partial(study_report, findings, terminal.lang, terminal.text)
    write_files(terminal, report, html=asked["html"], pdf=asked["pdf"], xlsx=book)
    if asked["as_json"]:
        terminal.json(views.as_json(findings, terminal, replayed, monthly=asked["monthly"]))
        return
    if replayed is not None:
        views.show_replayed(terminal, study.plan, replayed)
    shown = [getattr(views, show) for name, show in _VIEWS.items() if asked[name]] or [views.show_summary]
    for show in shown:
        show(terminal, findings)


def _told(terminal: Terminal, draws: int) -> Callable[[int], None] | None:
    """Tells on stderr, every tenth part of many draws, how many are done; nothing for few."""
    if draws < _QUIET_DRAWS:
        return None
    told = 0

    def progress(done: int) -> None:
        nonlocal told
        if done * 10 // draws > told:
            told = done * 10 // draws
            terminal.note(msg("{done} of {all} draws", done=f"{done:,}", all=f"{draws:,}"))

    return progress


def _table_text(path: str) -> str:
    """A file of rows as text: an Excel workbook as the CSV of its first sheet. Raises InvalidInput."""
    from suanwang.bootstrap import read_bytes
    from suanwang.schemas.xlsx_file import is_xlsx, xlsx_as_csv
    from suanwang.schemas.yaml_file import decode

    content = read_bytes(path)
    return xlsx_as_csv(content, path) if is_xlsx(content) else decode(content, path)


def _study(site: str, asked: dict[str, Any], catalog: "Catalog") -> tuple["Study", "Replayed | None"]:
    """The plan of the file with the values of the options, and what a replay gave."""
    from dataclasses import replace

    from suanwang.feasibility.scenarios import turned
    from suanwang.schemas.months_file import check_value, read_assumptions, read_months
    from suanwang.schemas.plan_table import read_plan_table
    from suanwang.schemas.site_plan import study_of
    from suanwang.schemas.yaml_file import read_yaml
    from suanwang.service.studies import with_series

    read = read_plan_table if site.lower().endswith((".csv", ".xlsx")) else read_yaml
    study = study_of(read(_table_text(site), site), catalog)
    values: dict[str, float] = {}
    if asked["assumptions"]:
        values |= read_assumptions(_table_text(str(asked["assumptions"])), str(asked["assumptions"]))
    for setting in asked["settings"]:
        name, _, value = setting.partition("=")
        values[name.strip()] = check_value(f"--set {setting[:60]}", name.strip(), value.strip())
    plan, replayed = turned(study.plan, values), None
    if asked["series"]:
        plan = with_series(plan, read_months(_table_text(str(asked["series"])), str(asked["series"])))
    if asked["trace"]:
        plan, replayed = _replay(replace(study, plan=plan), asked, catalog)
    return replace(study, plan=plan), replayed


def _replay(study: "Study", asked: dict[str, Any], catalog: "Catalog") -> Any:
    """(the plan with a replayed demand, what was replayed). Raises InvalidInput."""
    from suanwang.adapters.traces.read import JobTrace, read_trace
    from suanwang.service.replayed import from_replay
    from suanwang.service.studies import price_elsewhere

    trace = read_trace(asked["trace"])
    name = asked["trace"].name
    if not isinstance(trace, JobTrace):
        what = msg("this trace has no times: it cannot fill a site over time.")
        raise InvalidInput([Problem(name, what, msg("Take a trace of jobs in time, such as SWF."))])
    if not 0 <= asked["patience"] <= _PATIENCE_HOURS_MAX:
        what = msg("{value} hours of patience are not possible.", value=asked["patience"])
        remedy = msg("Give a number from 0 to {most}.", most=_PATIENCE_HOURS_MAX)
        raise InvalidInput([Problem("--patience", what, remedy)])
    outside = price_elsewhere(study, catalog) if asked["marginal"] else None
    return from_replay(study.plan, trace.jobs, name, asked["policy"], outside=outside, patience_hours=asked["patience"])


def _review(study: "Study", asked: dict[str, Any]) -> "Review":
    from suanwang.bootstrap import open_house
    from suanwang.feasibility.variance import review
    from suanwang.schemas.months_file import read_months
    from suanwang.service.actuals import metered

    if asked["actual"]:
        name = str(asked["actual"])
        return review(study.plan, read_months(_table_text(name), name))
    with open_house() as house:
        return review(study.plan, metered(house.hub.store, asked["ledger"], _since(asked["since"]), study.plan))


def _since(text: str | None) -> datetime:
    from suanwang.schemas.times import read_instant
    from suanwang.schemas.wrong import Wrong

    if not text:
        what = msg("the day of the decision is missing.")
        raise InvalidInput([Problem("--since", what, msg("Give it, such as {example}.", example="2027-01-01"))])
    try:
        return read_instant(text if "T" in text else f"{text}T00:00Z")
    except Wrong as error:
        raise InvalidInput([Problem("--since", error.message, error.remedy)]) from error

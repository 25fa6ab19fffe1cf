"""`suanwang replay advise`: from a site's own accounting to a recommendation with its evidence, in one command."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from suanwang.errors import InvalidInput, Problem, msg
from suanwang.interfaces.cli.replay import finish, play, report_option, write_report
from suanwang.interfaces.cli.replay_ground import ground, ground_options, read
from suanwang.interfaces.cli.terminal import Terminal

if TYPE_CHECKING:
    from suanwang.replay.scenario import Case, Ground


@click.command()
@ground_options
@report_option
@click.option("--now", default="easy", show_default=True, help="What the site runs today: policy, or policy + packing.")
@click.option("--goal", default="mean_wait_s", show_default=True, help="Figure that is to be lower.")
@click.option("--preemptible", is_flag=True, help="Jobs have checkpoints: policies that stop them may be advised.")
@click.option("--processes", type=click.IntRange(1), default=1, show_default=True, help="How many at a time.")
@click.pass_obj
def advise(
    terminal: Terminal,
    /,
    trace: Path,
    now: str,
    goal: str,
    preemptible: bool,
    processes: int,
    report: Path | None,
    **options: Any,
) -> None:
    """Recommend a policy from the site's own jobs, such as an sacct export, with the evidence.

    Every candidate is played on the same jobs. The recommended one has the least GOAL of those with which the 95th
    percentile of the wait does not grow by more than a tenth and fairness does not fall by more than that. It is then
    tried with 30 % more work, and with fewer accelerators until jobs wait as long as today.

    \b
    Examples:
      sacct -a -X -P -S 2026-01-01 -o JobID,User,Account,Submit,Start,End,Timelimit,AllocTRES,State > sacct.txt
      suanwang replay advise sacct.txt --now easy --report advice.html
    """
    from suanwang.adapters.traces.read import JobTrace
    from suanwang.replay.advice import GOALS, Rails, candidates, said
    from suanwang.replay.advice import advise as weigh
    from suanwang.replay.scenario import Case
    from suanwang.schedule.options import split_scheme

    if goal not in GOALS:
        remedy = msg("Known: {known}.", known=", ".join(GOALS))
        raise InvalidInput([Problem("--goal", msg("{goal!r} is no figure to lower", goal=goal), remedy)])
    found = read(trace, options)
    if not isinstance(found, JobTrace):
        remedy = msg("Compare packings on it: suanwang replay compare.")
        raise InvalidInput([Problem(str(trace), msg("the trace has no jobs in time"), remedy)])
    peak = found.jobs.recorded_peak
    if found.accelerators is None and not any(options[name] for name in ("accelerators", "pools", "grid")) and peak:
        options["accelerators"] = peak
        terminal.note(msg("accelerators: {n}, the most in use at once; say --accelerators if there are more", n=peak))
    where = ground(found, trace, options)
    seeds = range(options["first_seed"], options["first_seed"] + options["seeds"])
    policy, packing = split_scheme(now)
    packings = ("best-fit", *(("topology",) if where.shape.nodes_per_rack else ())) if where.shape else ("",)
    present = Case(policy=policy, packing=packing or packings[0])
    cases = candidates(present, packings, preemptible=preemptible, shifting=bool(where.rates))
    results = play(terminal, [(where, case) for case in cases], seeds, processes, report is not None)
    if goal not in results[0] or results[0][goal] is None:
        remedy = msg("Give --grid and --pool.")
        raise InvalidInput([Problem("--goal", msg("the pool's prices are not known"), remedy)])
    advice = weigh(results, goal, Rails())
    further = _further(terminal, where, cases[advice.best], results[0]["mean_wait_s"], seeds)
    sentence = said(results, advice, goal)
    against = [{"name": results[at]["name"], "why": terminal.text(why)} for at, why in advice.against.items()]
    evidence = {
        "recommended": results[advice.best]["name"],
        "recommendation": terminal.text(sentence),
        "goal": goal,
        "recorded_mean_wait_s": found.jobs.recorded_mean_wait_s,
        "better_but_not_advised": against,
        **further,
    }
    if report:
        write_report(terminal, report, trace, results, terminal.text(sentence))
    if options["as_json"]:
        shown = [{name: value for name, value in result.items() if name != "series"} for result in results]
        terminal.json({**evidence, "results": shown, "malformed_lines": found.malformed.count})
        return
    _show(terminal, evidence, results, goal)
    finish(terminal, found, [results[0], *([results[advice.best]] if advice.best else [])], as_json=False)


def _further(terminal: Terminal, where: "Ground", best: "Case", wait_s: float, seeds: range) -> dict[str, Any]:
    """With more work, and with fewer accelerators."""
    from dataclasses import replace

    from suanwang.replay.advice import fewest
    from suanwang.replay.scenario import summary

    (more,) = play(terminal, [(where, replace(best, changes={"load": 1.3}))], seeds, 1)
    largest = int(where.jobs.size.max())

    def wait(share: float) -> float:
        case = replace(best, changes={"accelerators": share})
        result = play(terminal, [(where, case)], seeds[:1], 1)[0]
        return float(result["mean_wait_s"]) if result["accelerators"] >= largest else float("inf")

    share = fewest(wait, wait_s)
    least = None if share is None else summary(replace(best, changes={"accelerators": share}), where, [])
    return {
        "with_30_percent_more_work": {name: more[name] for name in ("mean_wait_s", "p95_wait_s", "utilisation")},
        "accelerators_for_the_wait_of_now": None if least is None else least["accelerators"],
    }


def _show(terminal: Terminal, evidence: dict[str, Any], results: Sequence[dict[str, Any]], goal: str) -> None:
    from suanwang.interfaces.cli.replay_views import figure

    terminal.say(evidence["recommendation"], bold=True)
    if evidence["recorded_mean_wait_s"] is not None:
        hours = f"{evidence['recorded_mean_wait_s'] / 3600:,.2f}"
        terminal.say(msg("Recorded at the site: a mean wait of {h} h.", h=hours))
    more = evidence["with_30_percent_more_work"]
    terminal.say(msg("With 30 % more work: a mean wait of {h} h.", h=f"{more['mean_wait_s'] / 3600:,.2f}"))
    n, of = evidence["accelerators_for_the_wait_of_now"], results[0]["accelerators"]
    if n is not None and n < of:
        terminal.say(msg("Jobs wait no longer than now with {n} of the {all} accelerators.", n=n, all=of))
    for each in evidence["better_but_not_advised"]:
        terminal.say(msg("Not {name}: {why}", name=each["name"], why=each["why"]))
    names = (goal, "p95_wait_s", "mean_bounded_slowdown", "utilisation", "fairness", "preemptions")
    columns = ["", *(f">{name}" for name in dict.fromkeys(names))]
    rows = [[str(r["name"]), *(figure(r[name]) for name in dict.fromkeys(names))] for r in results]
    terminal.table(columns, rows)

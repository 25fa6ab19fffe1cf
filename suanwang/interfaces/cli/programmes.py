"""`voucher programmes | check | quote | simulate`: rules of voucher programmes as data, explained and tried out."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from suanwang.errors import InvalidInput, Problem, msg
from suanwang.interfaces.cli.run import json_option
from suanwang.interfaces.cli.terminal import Terminal

if TYPE_CHECKING:
    from suanwang.domain.programme import Programme
    from suanwang.settle.allocate import Outcome


@click.command()
@json_option
@click.pass_obj
def programmes(terminal: Terminal, as_json: bool) -> int:
    """The published programmes that ship with the grid; their rules are in `voucher check ID`.

    \b
    Example:
      suanwang voucher programmes
    """
    from suanwang.adapters.programmes import shipped_programmes
    from suanwang.interfaces.cli.programme_views import show_programmes
    from suanwang.schemas.wire import plain

    found = shipped_programmes()
    if as_json:
        terminal.json({"programmes": [plain(p) for p in found]})
    else:
        show_programmes(terminal, found)
    return 0


@click.command()
@click.argument("programme")
@json_option
@click.pass_obj
def check(terminal: Terminal, programme: str, as_json: bool) -> int:
    """Read a programme file (or a shipped programme by its id) and explain every rule of it in plain words.

    \b
    Examples:
      suanwang voucher check nanning-2025
      suanwang --lang zh-CN voucher check our-city.yaml
    """
    from suanwang.interfaces.cli.programme_views import show_rules
    from suanwang.schemas.wire import plain
    from suanwang.settle.programme_words import programme_in_words

    read = _programme(programme)
    lines = programme_in_words(read)
    if as_json:
        rules = [{"place": line.place, "text": terminal.text(line.text)} for line in lines]
        terminal.json({"programme": plain(read), "rules": rules})
    else:
        show_rules(terminal, read, lines)
    return 0


@click.command()
@click.argument("programme")
@click.argument("case_file", metavar="CASE")
@json_option
@click.pass_obj
def quote(terminal: Terminal, programme: str, case_file: str, as_json: bool) -> int:
    """What a programme would grant in one case, and why: recognised cost, the rule that applies, limits, fund lines.

    \b
    Example:
      suanwang voucher quote examples/vouchers/new-city.yaml examples/vouchers/case.yaml --json
    """
    from suanwang.bootstrap import read_text
    from suanwang.interfaces.cli.programme_views import assessment_as_json, show_assessment
    from suanwang.schemas.case import read_case
    from suanwang.settle.grant import assess

    read = _programme(programme)
    case = read_case(read_text(case_file), case_file, read)
    result = assess(read, case)
    if as_json:
        terminal.json(assessment_as_json(terminal, result))
    else:
        show_assessment(terminal, read, result)
    return 0


@click.command()
@click.argument("programme")
@click.option("--history", required=True, help="CSV of cases, one a row (columns: see the files reference).")
@click.option("--against", default="", help="Another programme, or version of it, on the same history.")
@json_option
@click.pass_obj
def simulate(terminal: Terminal, programme: str, history: str, against: str, as_json: bool) -> int:
    """What a programme would have cost on a history of cases; with --against, what a change of the rules changes.

    \b
    Example:
      suanwang voucher simulate our-city.yaml --history cases.csv --against our-city-2027.yaml
    """
    from suanwang.interfaces.cli.programme_views import changed_cases, outcome_as_json, show_difference, show_outcome
    from suanwang.schemas.wire import plain

    first = _simulated(_programme(programme), history)
    second = _simulated(_programme(against), history) if against else None
    if as_json:
        body = outcome_as_json(terminal, first)
        if second is not None:
            other = outcome_as_json(terminal, second)
            more = {"granted": plain(second.granted - first.granted), "cases_changed": changed_cases(first, second)}
            body |= {"against": other, "difference": more}
        terminal.json(body)
        return 0
    show_outcome(terminal, first)
    if second is not None:
        show_outcome(terminal, second)
        show_difference(terminal, first, second)
    return 0


def _simulated(programme: "Programme", history: str) -> "Outcome":
    from suanwang.bootstrap import read_text
    from suanwang.schemas.case_table import read_cases
    from suanwang.settle.allocate import simulate as run

    return run(programme, read_cases(read_text(history), history, programme))


def _programme(name: str) -> "Programme":
    """A file, or a shipped programme by its id. Raises InvalidInput, NotFound."""
    from suanwang.adapters.programmes import shipped_programme
    from suanwang.bootstrap import read_text
    from suanwang.schemas.programme import read_programme

    if name.endswith((".yaml", ".yml")) or Path(name).exists():
        return read_programme(read_text(name), name)
    return shipped_programme(name)


@click.command(name="audit")
@click.argument("folder")
@click.option("--currency", default="CNY", show_default=True, help="Currency of the amounts in the tables.")
@click.option("--threshold", multiple=True, help="An amount of a contract above which a programme asks for more.")
@click.option("--least", type=click.FloatRange(0, 1), default=0.4, show_default=True, help="Least score that is shown.")
@json_option
@click.pass_obj
def audit_command(
    terminal: Terminal, folder: str, currency: str, threshold: tuple[str, ...], least: float, as_json: bool
) -> int:
    """Look for signs of abuse in a folder of tables: firms, contracts, payments, metered, installed (CSV).

    Seven patterns, each finding with a score from 0 to 1 and its evidence, for a person to judge; nothing is refused.

    \b
    Example:
      suanwang voucher audit dossier/ --threshold 500000 --json
    """
    from suanwang.adapters.dossiers import load_dossier
    from suanwang.domain.money import Money
    from suanwang.interfaces.cli.programme_views import show_suspicions, suspicions_as_json
    from suanwang.settle.abuse.audit import audit

    problems: list[Problem] = []
    limits: list[Money] = []
    for text in threshold:
        try:
            limits.append(Money.parse(text.removesuffix(currency).strip(), currency))
        except ValueError:
            what = msg("{text!r} is not an amount.", text=text)
            problems.append(Problem("--threshold", what, msg("Give a number such as 1234.50.")))
    if problems:
        raise InvalidInput(problems)
    found = [s for s in audit(load_dossier(folder, currency, limits)) if s.score >= least]
    if as_json:
        terminal.json(suspicions_as_json(terminal, found))
    else:
        show_suspicions(terminal, found)
    return 0


COMMANDS = (programmes, check, quote, simulate, audit_command)
"""Commands of the group `voucher`."""

"""`bench abuse`: how well the signs of abuse find fraud that was put among honest data."""

import click

from suanwang.errors import msg
from suanwang.interfaces.cli.run import json_option
from suanwang.interfaces.cli.terminal import Terminal


@click.command()
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Seed of the made-up data.")
@click.option("--firms", type=click.IntRange(1, 20_000), default=400, show_default=True, help="Honest firms.")
@click.option("--fraud", type=click.IntRange(1, 1000), default=20, show_default=True, help="Cases of each pattern.")
@click.option("--save", default="", help="Folder that the made-up tables are written to.")
@json_option
@click.pass_obj
def abuse(terminal: Terminal, seed: int, firms: int, fraud: int, save: str, as_json: bool) -> int:
    """Precision and recall of each detector on made-up honest firms with seeded fraud among them.

    \b
    Example:
      suanwang bench abuse --seed 1 --json
    """
    from suanwang.adapters.dossiers import save_dossier
    from suanwang.settle.abuse.audit import PATTERNS, audit
    from suanwang.settle.abuse.seeded import make_dossier, measure

    seeded = make_dossier(seed, tenants=firms, each=fraud)
    if save:
        save_dossier(seeded.dossier, save)
    scores = measure(seeded, audit(seeded.dossier))
    if as_json:
        patterns = {
            p.value: {"fraud": s.fraud, "named": s.named, "precision": s.precision, "recall": s.recall}
            for p, s in scores.items()
        }
        terminal.json({"seed": seed, "contracts": len(seeded.dossier.contracts), "patterns": patterns})
        return 0
    rows = [
        (terminal.text(PATTERNS[p]), str(s.fraud), str(s.named), f"{s.precision:.0%}", f"{s.recall:.0%}")
        for p, s in scores.items()
    ]
    title = msg("{count} contracts, seed {seed}", count=len(seeded.dossier.contracts), seed=seed)
    columns = (msg("pattern"), msg(">fraud"), msg(">named"), msg(">precision"), msg(">recall"))
    terminal.table(columns, rows, title=title)
    return 0

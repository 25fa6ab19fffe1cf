"""`measure`: what the machine that it runs on delivers, as a catalog overlay."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from suanwang.errors import msg
from suanwang.interfaces.cli.quantity import Quantity
from suanwang.interfaces.cli.run import json_option
from suanwang.interfaces.cli.terminal import Terminal

if TYPE_CHECKING:
    from suanwang.adapters.measure.bench import Measured


@click.command()
@click.option("--accelerator", default="", help="Catalog id of the card (else it becomes a card of its own).")
@click.option("--id", "name", default="this-machine", show_default=True, help="Its id where the catalog has none.")
@click.option("--for", "budget", type=Quantity("duration"), default="20 s", show_default=True, help="About so long.")
@click.option("--processors", is_flag=True, help="The processors, even where torch sees an accelerator.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder to write the overlay to.")
@json_option
@click.pass_obj
def measure(
    terminal: Terminal, accelerator: str, name: str, budget: float, processors: bool, out: Path | None, as_json: bool
) -> int:
    """Measure what this machine delivers: matrix products by number format and size, memory, all-reduce.

    With torch on the accelerator that it sees, else with numpy on the processors (a card is one core then). With --out
    the best figures become a folder of catalog tables with date and method: name it in SUANWANG_CATALOG, and estimates,
    quotes and delivered compute rest on what was measured, not on the theoretical peak.

    \b
    Examples:
      suanwang measure --for "10 s"
      suanwang measure --accelerator h100-sxm5-80gb --out measured/
    """
    from suanwang.adapters.measure.bench import measure as run
    from suanwang.adapters.measure.overlay import best_of, tables, write
    from suanwang.adapters.measure.processors import Processors
    from suanwang.adapters.measure.torch_devices import find_torch_device
    from suanwang.bootstrap import open_desk

    desk = open_desk()
    card = desk.catalog.accelerator(accelerator) if accelerator else None
    device = (None if processors else find_torch_device()) or Processors()
    terminal.note(msg("Measuring {device} with {program} …", device=device.name, program=device.program))
    found: list[Measured] = []
    for figure in run(device, budget):
        found.append(figure)
        terminal.note(f"  {figure.what} {figure.dtype} {figure.size:,}: {_shown(figure)}")
    best = best_of(found, device.cards)
    rows = tables(best, device, accelerator or name, card, desk.clock.now().date().isoformat())
    written = write(out, rows) if out else []
    if as_json:
        terminal.json(
            {
                "device": device.name,
                "program": device.program,
                "cards": device.cards,
                "date": desk.clock.now().date().isoformat(),
                "figures": [
                    {
                        "what": f.what,
                        "dtype": f.dtype,
                        "size": f.size,
                        "value": f.value,
                        "unit": f.unit,
                        "repeats": f.repeats,
                    }
                    for f in found
                ],
                "tables": rows,
                "written": [str(path) for path in written],
            }
        )
        return 0
    per_card = [(f"matmul {dtype}", f"{value / 1e12:,.3f} TFLOP/s") for dtype, value in best.flops_per_s.items()]
    for label, value in (("memory", best.memory_bytes_per_s), ("all_reduce", best.all_reduce_bytes_per_s)):
        per_card += [(label, f"{value / 1e9:,.1f} GB/s")] if value else []
    terminal.table((msg("best of one card"), msg(">measured")), per_card)
    for row in rows.get("efficiencies", ()):
        if row.get("note"):
            terminal.note(msg("{id}: more than the catalog's peak; the efficiency is written as 1.", id=row["id"]))
    for path in written:
        terminal.say(msg("Written: {path}", path=str(path)))
    return 0


def _shown(figure: "Measured") -> str:
    scale, unit = (1e12, "TFLOP/s") if figure.unit == "FLOP/s" else (1e9, "GB/s")
    return f"{figure.value / scale:,.3f} {unit} ({figure.repeats} ×)"

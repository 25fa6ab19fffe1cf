"""A small world for tests of the whole program: a folder with a catalog overlay, a grid file and workload files.

Its one pool is two cards of an invented kind, played by the local engine; its tenants, price book, tariff and voucher
programme are in the grid file. Nothing is shared between two folders.
"""

import os
import sys
from pathlib import Path

ACCELERATORS = """\
id,vendor,name,kind,peak_fp32_tflops,memory_gb,power_w,source,date,confidence
toy,Us,Toy card,cpu,0.1,8,10,invented for a test,2026,estimate
"""

GRID = """\
apiVersion: suanwang/v1
kind: Grid
grid:
  id: tiny
  currency: CNY
  sites:
    - id: here
      name: Here
      latitude: 31
      longitude: 121
      province: CN-SH
      zone: Asia/Shanghai
      tariff:
        name: One price
        prices: {flat: 0.6 CNY/kWh}
        source: {text: invented for a test, confidence: estimate}
      pue: 1.2
      carbon: {location: 0.5 kg/kWh}
  pools:
    - {id: toys, site: here, accelerator: toy, nodes: 1, accelerators_per_node: 2, engine: local, price_book: book}
  price_books:
    - id: book
      effective: 2020-01-01T00:00Z
      prices: {accelerator_hour: 360 CNY, kwh: pass-through} # 0.1 CNY for a second
      source: {text: invented for a test, confidence: estimate}
  tenants:
    - {id: me, name: Me, credit_limit: 1000 CNY, facts: {legal_form: company}}
    - {id: poor, name: Nobody}
  programmes:
    - id: half
      name: Half of it
      issuer: An office
      currency: CNY
      opens: 2020-01-01T00:00Z
      closes: 2100-01-01T00:00Z
      rates: [{ratio: 50 %}]
      source: {text: invented for a test, confidence: estimate}
"""

WORKLOAD = """\
apiVersion: suanwang/v1
kind: Workload
workload:
  name: {name}
  kind: batch
  batch: {{duration: {duration}, duration_accelerator: toy}}
  command: [{python}, -c, {program!r}]
  accelerators: {{count: 1}}
  time_limit: {time_limit}
"""


class Home:
    """A folder and what is in it. `environment`: the variables that point the program at it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.grid = folder / "grid.yaml"
        self.database = folder / "home" / "suanwang.db"
        (folder / "facts").mkdir()
        (folder / "facts" / "accelerators.csv").write_text(ACCELERATORS)
        self.grid.write_text(GRID)
        self.environment = {
            "SUANWANG_HOME": str(folder / "home"),
            "SUANWANG_CATALOG": str(folder / "facts"),
            "SUANWANG_GRID": str(self.grid),
            "SUANWANG_LANG": "en",
        }

    def workload(
        self, program: str, *, name: str = "small", duration: str = "1 s", time_limit: str = "1 min", more: str = ""
    ) -> Path:
        """A workload file whose program is Python source of one line; `more`: further lines of its section."""
        path = self.folder / f"{name}.yaml"
        text = WORKLOAD.format(
            name=name, program=program, duration=duration, time_limit=time_limit, python=sys.executable
        )
        path.write_text(text + more)
        return path

    def process_environment(self) -> dict[str, str]:
        """For a real subprocess: this environment over the present one, and the sources on the path."""
        sources = str(Path(__file__).parents[1])
        return {**os.environ, **self.environment, "PYTHONPATH": sources, "COLUMNS": "100"}

"""What a plan of 40 drawn workloads saves on the example grid, with its real rents and with equal ones.

python -m benchmarks.plan_savings

With equal rents every pool has the same nodes at the same price: what is left is power, carbon and data. Prints one
JSON object; the hour of the day at which it runs changes the figures a little.
"""

import json
import os
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

GRID = Path("examples/grids/three-hubs.yaml")
RUN = "import sys; from suanwang.interfaces.cli.main import main; sys.exit(main())"
WORKLOAD = """\
apiVersion: suanwang/v1
kind: Workload
workload:
  name: w{number}
  tenant: me
  kind: batch
  dtype: bf16
  batch: {{flops: {exaflop} EFLOP, memory: 40 GB}}
  accelerators: {{count: {gang}}}
  deadline: +{deadline} h
{more}
"""


def draw(folder: Path, count: int = 40) -> list[Path]:
    """Workload files: gangs of 8 to 32 cards for about 2 to 16 h; some with data in Shanghai, some near its users."""
    chance, paths = random.Random(7), list[Path]()
    for number in range(count):
        gang, hours = chance.choice([8, 8, 16, 16, 32]), chance.choice([2, 4, 6, 10, 16])
        data = f"  data: [{{name: d, at: shanghai, size: {chance.choice([10, 50, 200])} GB}}]"
        more = data if chance.random() < 0.67 else "  latency: {city: shanghai, max: 40 ms}"
        exaflop = round(gang * hours * 3600 * 1e14 / 1e18)
        paths.append(folder / f"w{number:02d}.yaml")
        deadline = hours * 3 + chance.choice([12, 24, 48])
        paths[-1].write_text(WORKLOAD.format(number=number, exaflop=exaflop, gang=gang, deadline=deadline, more=more))
    return paths


def equal_rents(text: str) -> str:
    """The grid with the nodes and the price of its eastern pool everywhere."""
    text = re.sub(r"accelerator: \S+\n( +nodes: \d+)\n +accelerators_per_node: 8\n", r"system: hgx-a800\n\1\n", text)
    text = re.sub(r"price_book: (ascend-market|h800-provider)", "price_book: a800-provider", text)
    return re.sub(r" +node_(overhead|network): [^\n]*\n", "", text)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths, real = draw(folder), GRID.read_text(encoding="utf-8")
        told = {}
        for label, text in (("real rents", real), ("equal rents", equal_rents(real))):
            (folder / "grid.yaml").write_text(text, encoding="utf-8")
            command = [sys.executable, "-c", RUN]
            command += ["plan", *map(str, paths), "--grid", str(folder / "grid.yaml"), "--json"]
            home = {**os.environ, "SUANWANG_HOME": str(folder / "home")}
            done = subprocess.run(command, capture_output=True, text=True, env=home, check=False)
            answer = json.loads(done.stdout)
            told[label] = {key: answer[key] for key in ("placed", "refused", "total", "gap", "saved_against_east")}
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()

"""Energy of accelerators from NVIDIA's DCGM exporter, as a site's Prometheus has kept it.

The exporter counts millijoules since the driver was loaded (DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION), and says whose the
device is: `hpc_job` (its mapping of Slurm's jobs) or `pod`. Energy of the accelerators alone: the rest of the node is
not in it. Where nothing was kept, or too little (a run shorter than two samples), there is no figure, and energy is
modelled.
"""

import math
from typing import Any

import httpx

COUNTER = "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"
MJ_PER_KWH = 3.6e9
TIMEOUT_S = 10.0


class Dcgm:
    """`url`: Prometheus; `label`: the exporter's label that names the job: hpc_job or pod."""

    def __init__(self, url: str, label: str) -> None:
        self._url = f"{url.rstrip('/')}/api/v1/query"
        self._label = label

    def energy_kwh(self, job: str, started: float, ended: float) -> float | None:
        """Of all devices of a job between two times (s since the epoch); `job`: a pattern of the label's value.

        None where Prometheus has none, or does not answer: a meter never holds up an order.
        """
        seconds = max(1, math.ceil(ended - started))
        query = f'sum(increase({COUNTER}{{{self._label}=~"{job}"}}[{seconds}s]))'
        try:
            answer = httpx.get(self._url, params={"query": query, "time": f"{ended:.3f}"}, timeout=TIMEOUT_S)
            found: list[dict[str, Any]] = answer.raise_for_status().json()["data"]["result"]
            value = float(found[0]["value"][1])
        except (httpx.HTTPError, ValueError, KeyError, IndexError, TypeError):
            return None
        return value / MJ_PER_KWH if math.isfinite(value) and value > 0 else None

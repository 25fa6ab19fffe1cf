"""The Slurm engine, by Slurm's commands or by slurmrestd; `engine` says how it works."""

import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from suanwang.adapters.engines.options import groups, read_options
from suanwang.adapters.engines.slurm.cluster import Cluster
from suanwang.adapters.engines.slurm.commands import Commands
from suanwang.adapters.engines.slurm.engine import SlurmEngine
from suanwang.adapters.engines.slurm.pools import OPTIONS, SlurmPool
from suanwang.adapters.engines.slurm.rest import Rest, token_file
from suanwang.adapters.meters.dcgm import Dcgm
from suanwang.domain.site import Pool
from suanwang.ports import Clock
from suanwang.settings import Settings

REACHED_BY = ("slurm_conf", "rest_url", "rest_token_file", "rest_user", "folder", "energy_url")
MACHINES_OWN = Path("/etc/slurm/slurm.conf")


def open_engines(pools: Sequence[Pool], settings: Settings, clock: Clock) -> dict[str, SlurmEngine]:
    """One engine for the pools of each cluster. A pool that does not say how its cluster is reached, on a machine that
    has none of its own, is left out. Raises InvalidInput for options that Slurm's pools do not have."""
    options = read_options(OPTIONS, pools)
    engines: dict[str, SlurmEngine] = {}
    for group in groups(pools, options, REACHED_BY):
        first = options[group[0].id]
        if not _reached(first):
            continue
        key = hashlib.sha256("\n".join(first[name] for name in REACHED_BY).encode()).hexdigest()[:12]
        root = Path(first["folder"]).expanduser() if first["folder"] else settings.home / "slurm" / key
        members = [SlurmPool(pool=pool, options=options[pool.id]) for pool in group]
        engine = SlurmEngine(root, _cluster(first), members, clock, meter=_meter(first))
        engines |= dict.fromkeys((pool.id for pool in group), engine)
    return engines


def _meter(options: dict[str, str]) -> Dcgm | None:
    return Dcgm(options["energy_url"], "hpc_job") if options["energy_url"] else None


def _cluster(options: dict[str, str]) -> Cluster:
    if not options["rest_url"]:
        return Commands(options["slurm_conf"])
    return Rest(options["rest_url"], token_file(options["rest_token_file"]), options["rest_user"])


def _reached(options: dict[str, str]) -> bool:
    """Whether this machine is told how, or is itself a part of a cluster."""
    if options["rest_url"] or options["slurm_conf"]:
        return True
    return shutil.which("sbatch") is not None and ("SLURM_CONF" in os.environ or MACHINES_OWN.exists())

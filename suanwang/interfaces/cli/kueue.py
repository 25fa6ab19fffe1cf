"""`kueue`: the grid as MultiKueue's external dispatcher."""

import click

from suanwang.errors import InvalidInput, Problem, msg
from suanwang.interfaces.cli.run import grid_option, json_option
from suanwang.interfaces.cli.terminal import Terminal


@click.group()
def kueue() -> None:
    """Tell Kueue which clusters are to be offered a workload.

    \b
    Example:
      suanwang kueue nominate --cluster west=zhongwei-h800 --cluster east=qingpu-a800
    """


@kueue.command()
@grid_option
@click.option("--cluster", "clusters", multiple=True, required=True, help="MultiKueue's cluster and its pool: a=b.")
@click.option("--resource", default="nvidia.com/gpu", show_default=True, help="Resource that counts accelerators.")
@click.option("--kubeconfig", default="", help="Of the manager cluster; the usual one if not given.")
@click.option("--context", default="", help="Context of the kubeconfig; its current one if not given.")
@click.option("--most", type=click.IntRange(1), default=3, show_default=True, help="Clusters to offer it to at once.")
@json_option
@click.pass_obj
def nominate(
    terminal: Terminal,
    grid: str,
    clusters: tuple[str, ...],
    resource: str,
    kubeconfig: str,
    context: str,
    most: int,
    as_json: bool,
) -> int:
    """Look once at the workloads that wait for a cluster, and nominate the cheapest that are large enough.

    Kueue asks for this when its configuration names an external dispatcher for MultiKueue. To be run every few seconds;
    a repeat changes nothing. Not verified on a live Kueue.

    \b
    Example:
      suanwang kueue nominate --cluster west=zhongwei-h800 --cluster east=qingpu-a800 --json
    """
    from importlib.util import find_spec

    if find_spec("kubernetes") is None:
        remedy = msg("Install it: pip install 'suanwang[{extra}]'.", extra="kubernetes")
        raise InvalidInput([Problem("kubernetes", msg("the Kubernetes client library is not installed."), remedy)])

    from suanwang.adapters.engines.kubernetes.multikueue import Dispatcher, cheapest
    from suanwang.bootstrap import open_house
    from suanwang.service.pricing import prices as prices_of

    pools = dict(part.split("=", 1) for part in clusters if "=" in part)
    with open_house(grid=grid) as house:
        table = prices_of(house.hub, 1)
    known = dict(zip(table.pools, (float(hour) for hour in table.total[:, 0]), strict=True))
    sizes = {pool.id: pool.accelerators for pool in house.hub.grid.pools}
    wrong = [part for part in clusters if "=" not in part or pools[part.split("=", 1)[0]] not in known]
    if wrong:
        remedy = msg("Write the cluster's name, =, and a pool of the grid: {known}.", known=", ".join(sorted(known)))
        raise InvalidInput([Problem("--cluster", msg("{part} names no pool.", part=part), remedy) for part in wrong])
    prices = {cluster: known[pool] for cluster, pool in pools.items()}
    fits = {cluster: sizes[pool] for cluster, pool in pools.items()}
    done = Dispatcher.open(kubeconfig, context, cheapest(prices, fits, resource, most)).nominate()
    if as_json:
        terminal.json(done)
    else:
        rows = [(workload, ", ".join(names)) for workload, names in done.items()]
        terminal.table([msg("workload"), msg("clusters")], rows)
    return 0

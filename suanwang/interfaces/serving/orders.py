"""Orders that come in over the network: the workload of a body, as far as its sender may order it."""

from dataclasses import replace

from suanwang.domain.identity import Permission
from suanwang.domain.site import Grid
from suanwang.domain.workload import Workload
from suanwang.errors import InvalidInput, Problem, msg
from suanwang.interfaces.serving.caller import Caller
from suanwang.schemas.workload import read_workload_document
from suanwang.schemas.yaml_file import Document


def visible_grid(caller: Caller, permission: Permission) -> Grid:
    """The grid, of whose tenants the caller sees its own, or all: another's answers like a missing one."""
    grid, tenant = caller.house.hub.grid, caller.principal.tenant_for(permission)
    return replace(grid, tenants=tuple(t for t in grid.tenants if tenant in ("", t.id)))


def read_order(caller: Caller, file: Document, permission: Permission) -> Workload:
    """The workload of a body. Raises InvalidInput with every problem."""
    house, user = caller.house, caller.principal.user
    grid = visible_grid(caller, permission)
    default = user.organisation or house.settings.tenant
    workload = read_workload_document(file, house.catalog, house.hub.clock.now(), default, grid)
    problems = []
    if workload.tenant not in {t.id for t in grid.tenants}:
        what = msg("The grid has no tenant {tenant!r}.", tenant=workload.tenant)
        remedy = msg("Known: {known}.", known=", ".join(t.id for t in grid.tenants) or msg("none"))
        problems.append(Problem("body workload.tenant", what, remedy))
    if workload.program is not None and workload.program.directory:
        what = msg("A hub does not read folders of its own machine for you.")
        remedy = msg("Leave `directory` out; let the command fetch what it needs.")
        problems.append(Problem("body workload.directory", what, remedy))
    if problems:
        raise InvalidInput(problems)
    return workload

"""Orders that come in over the network: the workload of a body, as far as its sender may order it."""

from dataclasses import replace

from suanwang.domain.identity import Permission
from suanwang.domain.site import Grid
from suanwang.domain.workload import Workload
from suanwang.errors import InvalidInput, NotFound, Problem, msg
from suanwang.interfaces.serving.caller import Caller
from suanwang.schemas.workload import read_workload_document
from suanwang.schemas.yaml_file import Document


def visible_grid(caller: Caller, permission: Permission) -> Grid:
    """The grid, of whose tenants the caller sees its own, or all: another's answers like a missing one."""
    grid, tenant = caller.house.hub.grid, caller.principal.tenant_for(permission)
    return replace(grid, tenants=tuple(t for t in grid.tenants if tenant in ("", t.id)))


def read_order(caller: Caller, file: Document, permission: Permission, *, to_run: bool = True) -> Workload:
    """The workload of a body. Raises InvalidInput with every problem.

    One that is `to_run` gets the folder of the bundle that its `directory` names: a hub reads no other folder for a
    caller. One that is only looked at keeps what its file says.
    """
    house, user = caller.house, caller.principal.user
    grid = visible_grid(caller, permission)
    default = user.organisation or house.settings.tenant
    workload = read_workload_document(file, house.catalog, house.hub.clock.now(), default, grid)
    problems = []
    if workload.tenant not in {t.id for t in grid.tenants}:
        what = msg("The grid has no tenant {tenant!r}.", tenant=workload.tenant)
        remedy = msg("Known: {known}.", known=", ".join(t.id for t in grid.tenants) or msg("none"))
        problems.append(Problem("body workload.tenant", what, remedy))
    if to_run:
        workload = _with_files(caller, workload, problems)
    if problems:
        raise InvalidInput(problems)
    return workload


def _with_files(caller: Caller, workload: Workload, problems: list[Problem]) -> Workload:
    """The workload with the folder of its bundle; what is wrong with its directory goes to `problems`."""
    program = workload.program
    if program is None or not program.directory:
        return workload
    head, _, bundle_id = program.directory.partition(":")
    if head != "bundle":
        what = msg("A hub does not read folders of its own machine for you.")
        remedy = msg("Send the files to /v1/bundles first, and name them as bundle:<id>.")
        problems.append(Problem("body workload.directory", what, remedy))
        return workload
    try:
        folder = caller.house.bundles.folder(caller.principal.user.organisation, bundle_id)
    except NotFound as error:
        problems.append(Problem("body workload.directory", error.message, error.remedy))
        return workload
    return replace(workload, program=replace(program, directory=folder))

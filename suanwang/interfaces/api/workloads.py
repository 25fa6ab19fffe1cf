"""Workloads and quotes over HTTP: check a file, ask what it would cost, where and when. Nothing is stored."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends

from suanwang.domain.identity import Permission
from suanwang.domain.site import Grid
from suanwang.domain.workload import Workload
from suanwang.errors import InvalidInput, NotFound, Problem, msg
from suanwang.interfaces.api.operations import WORKLOAD, operation
from suanwang.interfaces.serving.bodies import document
from suanwang.interfaces.serving.caller import Caller, needs
from suanwang.schemas.workload import read_workload_document
from suanwang.schemas.yaml_file import Document
from suanwang.service.drains import present
from suanwang.service.planning import Quote, quote

router = APIRouter(prefix="/v1", tags=["workloads"])
Asker = Annotated[Caller, Depends(needs(Permission.QUOTE))]
File = Annotated[Document, Depends(document)]


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
    if problems:
        raise InvalidInput(problems)
    return workload


def with_files(caller: Caller, workload: Workload) -> Workload:
    """The workload with the folder of its bundle. Raises InvalidInput: a hub reads no other folder for a caller."""
    program = workload.program
    if program is None or not program.directory:
        return workload
    head, _, bundle_id = program.directory.partition(":")
    try:
        if head != "bundle":
            raise InvalidInput([_no_folder()])
        folder = caller.house.bundles.folder(caller.principal.user.organisation, bundle_id)
    except NotFound as error:
        raise InvalidInput([Problem("body workload.directory", error.message, error.remedy)]) from error
    return replace(workload, program=replace(program, directory=folder))


def _no_folder() -> Problem:
    what = msg("A hub does not read folders of its own machine for you.")
    remedy = msg("Send the files to /v1/bundles first, and name them as bundle:<id>.")
    return Problem("body workload.directory", what, remedy)


@router.post("/workloads/check", **operation(Permission.QUOTE, Workload, body=WORKLOAD))
def check_workload(caller: Asker, file: File) -> Any:
    """The workload as the hub reads it, or every problem of the file."""
    return caller.show(read_order(caller, file, Permission.QUOTE))


@router.post("/quotes", **operation(Permission.QUOTE, Quote, body=WORKLOAD, refuses=(400,)))
def make_quote(caller: Asker, file: File) -> Any:
    """What a workload would cost, where and when: options side by side, and why other pools cannot have it."""
    workload = read_order(caller, file, Permission.QUOTE)
    hub = present(caller.reading(Permission.QUOTE, everything=True), caller.house.store)
    return caller.show(quote(hub, workload))

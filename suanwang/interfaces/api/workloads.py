"""Workloads and quotes over HTTP: check a file, ask what it would cost, where and when. Nothing is stored."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from suanwang.domain.identity import Permission
from suanwang.domain.workload import Workload
from suanwang.interfaces.api.operations import WORKLOAD, operation
from suanwang.interfaces.serving.bodies import document
from suanwang.interfaces.serving.caller import Caller, needs
from suanwang.interfaces.serving.orders import read_order
from suanwang.schemas.yaml_file import Document
from suanwang.service.drains import present
from suanwang.service.planning import Quote, quote

router = APIRouter(prefix="/v1", tags=["workloads"])
Asker = Annotated[Caller, Depends(needs(Permission.QUOTE))]
File = Annotated[Document, Depends(document)]


@router.post("/workloads/check", **operation(Permission.QUOTE, Workload, body=WORKLOAD))
def check_workload(caller: Asker, file: File) -> Any:
    """The workload as the hub reads it, or every problem of the file."""
    return caller.answer(read_order(caller, file, Permission.QUOTE, to_run=False))


@router.post("/quotes", **operation(Permission.QUOTE, Quote, body=WORKLOAD, refuses=(400,)))
def make_quote(caller: Asker, file: File) -> Any:
    """What a workload would cost, where and when: options side by side, and why other pools cannot have it."""
    workload = read_order(caller, file, Permission.QUOTE, to_run=False)
    hub = present(caller.reading(Permission.QUOTE, everything=True), caller.house.store)
    return caller.answer(quote(hub, workload))

"""Workloads and quotes over HTTP: check a file, ask what it would cost, where and when. Nothing is stored."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends

from suanwang.domain.identity import Permission
from suanwang.domain.workload import Workload
from suanwang.errors import InvalidInput, Problem
from suanwang.interfaces.api.operations import WORKLOAD, operation
from suanwang.interfaces.serving.bodies import body_of, document
from suanwang.interfaces.serving.caller import Caller, needs
from suanwang.interfaces.serving.orders import read_order
from suanwang.schemas.json_file import read_json
from suanwang.schemas.requests import Plans, Replans
from suanwang.schemas.yaml_file import Document
from suanwang.service.drains import present
from suanwang.service.planning import Quote, quote
from suanwang.service.plans import Plan, plan_workloads
from suanwang.service.replanning import MoveList, replan

router = APIRouter(prefix="/v1", tags=["workloads"])
Asker = Annotated[Caller, Depends(needs(Permission.QUOTE))]
Operator = Annotated[Caller, Depends(needs(Permission.GRID_OPERATE))]
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


@router.post("/plans", **operation(Permission.QUOTE, Plan, body=Plans, refuses=(400,)))
def make_plan(caller: Asker, asked: Annotated[Plans, Depends(body_of(Plans))]) -> Any:
    """Workloads placed together on what is free, with the cost of the whole, its bound, and what it saves."""
    hub = present(caller.reading(Permission.QUOTE, everything=True), caller.house.store)
    return caller.answer(plan_workloads(hub, _read_all(caller, asked.workloads), asked.hours, asked.seed))


def _read_all(caller: Caller, files: list[dict[str, Any]]) -> list[Workload]:
    """Each as if it had come alone. Raises InvalidInput with the problems of all."""
    found: list[Workload] = []
    problems: list[Problem] = []
    for number, file in enumerate(files):
        try:
            text = read_json(json.dumps(file), f"body workloads[{number}]")
            found.append(read_order(caller, text, Permission.QUOTE, to_run=False))
        except InvalidInput as refusal:
            problems += refusal.problems
    if problems:
        raise InvalidInput(problems)
    return found


@router.post("/replans", **operation(Permission.GRID_OPERATE, MoveList, body=Replans, refuses=(400,)))
def make_replan(caller: Operator, asked: Annotated[Replans, Depends(body_of(Replans))]) -> Any:
    """Better places and hours for the jobs that wait, where that pays; and the moves made, where that is asked for."""
    needed = Permission.GRID_OPERATE
    hub = caller.changing(needed, "replan") if asked.make else caller.reading(needed)
    return caller.answer(replan(present(hub, caller.house.store), make=asked.make))

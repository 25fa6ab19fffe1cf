"""Webhooks over HTTP: make, list, see what was delivered, end."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends

from suanwang.domain.identity import Permission
from suanwang.domain.webhook import Webhook
from suanwang.errors import InvalidInput, NotFound, Problem, msg
from suanwang.interfaces.api.operations import Id, operation
from suanwang.interfaces.serving.bodies import body_of
from suanwang.interfaces.serving.caller import Caller, needs
from suanwang.schemas.answers import DeliveryList, WebhookList
from suanwang.schemas.requests import NewWebhook
from suanwang.service.jobs import visible
from suanwang.service.webhooks import add_webhook

router = APIRouter(prefix="/v1", tags=["webhooks"])
Writer = Annotated[Caller, Depends(needs(Permission.HOOKS_WRITE))]
HIDDEN = "…"


@router.post("/webhooks", **operation(Permission.HOOKS_WRITE, Webhook, status=201, body=NewWebhook))
def create_webhook(caller: Writer, new: Annotated[NewWebhook, Depends(body_of(NewWebhook))]) -> Any:
    """A webhook for the jobs of the caller's organisation. Its secret is in this answer only."""
    organisation = caller.principal.user.organisation
    if not organisation:
        what = msg("A webhook belongs to an organisation, and you are of none.")
        raise InvalidInput([Problem("body", what, msg("Let an administrator of the organisation make it."))])
    hub = caller.changing(Permission.HOOKS_WRITE, "create webhook", new.url[:200])
    return caller.answer(add_webhook(caller.store(hub), hub.clock, organisation, new.url), 201)


@router.get("/webhooks", **operation(Permission.HOOKS_WRITE, WebhookList))
def list_webhooks(caller: Writer) -> Any:
    """The webhooks that the caller may see, without their secrets."""
    tenant = caller.principal.tenant_for(Permission.HOOKS_WRITE)
    with caller.store(caller.reading(Permission.HOOKS_WRITE)).reading() as tx:
        found = tx.webhooks.of(tenant)
    return caller.answer(WebhookList(webhooks=tuple(replace(w, secret=HIDDEN) for w in found)))


def _own(caller: Caller, webhook_id: str) -> Webhook:
    with caller.store(caller.reading(Permission.HOOKS_WRITE)).reading() as tx:
        webhook = tx.webhooks.get(webhook_id)
    if not visible(caller.principal, webhook.organisation, Permission.HOOKS_WRITE):
        what = msg("there is no {noun} {key}", noun=msg("webhook"), key=webhook_id)
        raise NotFound("not-found", what, msg("Check the id."))
    return webhook


@router.get("/webhooks/{webhook_id}/deliveries", **operation(Permission.HOOKS_WRITE, DeliveryList, refuses=(404,)))
def list_deliveries(caller: Writer, webhook_id: Id) -> Any:
    """What was sent to a webhook, the newest first, and how it answered."""
    webhook = _own(caller, webhook_id)
    with caller.store(caller.reading(Permission.HOOKS_WRITE)).reading() as tx:
        return caller.answer(DeliveryList(deliveries=tuple(tx.webhooks.deliveries(webhook.id))))


@router.delete("/webhooks/{webhook_id}", **operation(Permission.HOOKS_WRITE, Webhook, refuses=(404,)))
def end_webhook(caller: Writer, webhook_id: Id) -> Any:
    """Tell it nothing more."""
    webhook = replace(_own(caller, webhook_id), active=False)
    hub = caller.changing(Permission.HOOKS_WRITE, "end webhook", webhook_id)
    with caller.store(hub).transaction() as tx:
        tx.webhooks.change(webhook)
    return caller.answer(replace(webhook, secret=HIDDEN))

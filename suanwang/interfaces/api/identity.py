"""Users, projects and tokens over HTTP, and the audit log."""

import csv
import io
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from suanwang.domain.identity import TENANT_ROLES, Permission, Project, Token, User
from suanwang.errors import InvalidInput, NotFound, NotPermitted, Problem, msg
from suanwang.interfaces.api.operations import After, AfterNumber, Id, Limit, operation
from suanwang.interfaces.api.tags import require_match, tagged
from suanwang.interfaces.serving.bodies import body_of
from suanwang.interfaces.serving.caller import Caller, caller, needs
from suanwang.interfaces.serving.shelf import own_tenant
from suanwang.schemas.answers import AuditPage, MadeToken, Me, ProjectList, TokenList, UserPage
from suanwang.schemas.requests import ChangedUser, NewProject, NewTokenBody, NewUser
from suanwang.service.identity import (
    add_project,
    add_user,
    change_user,
    create_token,
    revoke_token,
    without_digest,
)
from suanwang.service.jobs import visible

router = APIRouter(prefix="/v1", tags=["identity"])
Anyone = Annotated[Caller, Depends(caller)]
Reader = Annotated[Caller, Depends(needs(Permission.USERS_READ))]
Writer = Annotated[Caller, Depends(needs(Permission.USERS_WRITE))]
Auditor = Annotated[Caller, Depends(needs(Permission.AUDIT_READ))]


@router.get("/me", **operation(None, Me))
def show_me(found: Anyone, response: Response) -> Any:
    """Who calls, and what it may do. In a session, `X-CSRF-Token` is what its changes must carry."""
    if found.csrf:
        response.headers["X-CSRF-Token"] = found.csrf
    principal = found.principal
    me = Me(
        user=principal.user,
        token=without_digest(principal.token),
        in_organisation=tuple(sorted(p for p in Permission if principal.within(p))),
        everywhere=tuple(sorted(p for p in Permission if principal.everywhere(p))),
    )
    return found.show(me)


def user_of(found: Caller, user_id: str, permission: Permission) -> User:
    """A user that the caller may see. Raises NotFound, with the same words for another organisation's."""
    with found.store(found.reading(permission)).reading() as tx:
        user = tx.identity.user(user_id)
    if not visible(found.principal, user.organisation, permission):
        raise NotFound(
            "not-found", msg("there is no {noun} {key}", noun=msg("user"), key=user_id), msg("Check the id.")
        )
    return user


def _require_grantable(found: Caller, user: User) -> None:
    """Nobody gives what it does not have: an organisation's administrator gives a tenant's roles only, in it only."""
    principal = found.principal
    if principal.everywhere(Permission.USERS_WRITE):
        return
    if user.organisation != principal.user.organisation or user.site or user.roles - TENANT_ROLES:
        raise NotPermitted(
            "role-missing",
            msg("{user} may not give these roles", user=principal.user.id),
            msg("Ask the grid's operator for roles outside of your organisation."),
        )


@router.get("/users", **operation(Permission.USERS_READ, UserPage))
def list_users(found: Reader, after: After = "", limit: Limit = 100) -> Any:
    """Users that the caller may see, by id."""
    tenant = found.principal.tenant_for(Permission.USERS_READ)
    with found.store(found.reading(Permission.USERS_READ)).reading() as tx:
        users = tx.identity.users(tenant, after, limit)
    return found.show(UserPage(users=tuple(users), next=users[-1].id if len(users) == limit else None))


@router.post("/users", **operation(Permission.USERS_WRITE, User, status=201, body=NewUser, refuses=(409,)))
def create_user(request: Request, found: Writer, new: Annotated[NewUser, Depends(body_of(NewUser))]) -> Response:
    """A new user. An organisation's administrator makes users of its own organisation."""
    hub = found.changing(Permission.USERS_WRITE, "create user", new.id)
    user = User(
        id=new.id,
        kind=new.kind,
        name=new.name or new.id,
        roles=frozenset(new.roles),
        created=hub.clock.now(),
        organisation=new.organisation or found.principal.tenant_for(Permission.USERS_WRITE),
        site=new.site,
        email=new.email,
    )
    _require_grantable(found, user)
    return tagged(request, found, add_user(found.store(hub), hub.grid, user), 201, Location=f"/v1/users/{user.id}")


@router.get("/users/{user_id}", **operation(Permission.USERS_READ, User, refuses=(404,)))
def show_user(request: Request, found: Reader, user_id: Id) -> Response:
    """One user."""
    return tagged(request, found, user_of(found, user_id, Permission.USERS_READ))


@router.patch("/users/{user_id}", **operation(Permission.USERS_WRITE, User, body=ChangedUser, refuses=(404, 409, 412)))
def edit_user(
    request: Request, found: Writer, user_id: Id, change: Annotated[ChangedUser, Depends(body_of(ChangedUser))]
) -> Response:
    """Change a user's name, roles or e-mail, or lock it out. With If-Match, only the state that was read."""
    user = user_of(found, user_id, Permission.USERS_WRITE)
    require_match(request, user)
    given = {k: v for k, v in change.model_dump().items() if v is not None}
    changed = replace(user, **{**given, **({"roles": frozenset(change.roles)} if change.roles is not None else {})})
    _require_grantable(found, user)
    _require_grantable(found, changed)
    hub = found.changing(Permission.USERS_WRITE, "change user", user_id)
    stored = change_user(found.store(hub), hub.grid, changed)
    found.forget_principals()
    return tagged(request, found, stored)


@router.get("/users/{user_id}/tokens", **operation(Permission.USERS_READ, TokenList, refuses=(404,)))
def list_tokens(found: Reader, user_id: Id) -> Any:
    """A user's tokens, without their digests."""
    user = user_of(found, user_id, Permission.USERS_READ)
    with found.store(found.reading(Permission.USERS_READ)).reading() as tx:
        tokens = tx.identity.tokens(user.id)
    return found.show(TokenList(tokens=tuple(without_digest(t) for t in tokens)))


@router.post(
    "/users/{user_id}/tokens",
    **operation(Permission.USERS_WRITE, MadeToken, status=201, body=NewTokenBody, refuses=(404,)),
)
def make_user_token(found: Writer, user_id: Id, new: Annotated[NewTokenBody, Depends(body_of(NewTokenBody))]) -> Any:
    """A new token of a user. Its secret is in this answer only."""
    user = user_of(found, user_id, Permission.USERS_WRITE)
    _require_grantable(found, user)
    return _made(found, user, new, Permission.USERS_WRITE)


@router.post("/me/tokens", **operation(None, MadeToken, status=201, body=NewTokenBody))
def make_own_token(found: Anyone, new: Annotated[NewTokenBody, Depends(body_of(NewTokenBody))]) -> Any:
    """A new token of the caller, with no more scopes and no longer life than the one that asks. Shown once."""
    mine = found.principal.token
    scopes = frozenset(new.scopes) or mine.scopes
    problems = []
    if mine.scopes and not scopes <= mine.scopes:
        what = msg("A token cannot have more scopes than the one that asks for it.")
        problems.append(Problem("body scopes", what, msg("Ask for fewer, or log in.")))
    left = mine.expires - found.house.hub.clock.now()
    if not mine.session and timedelta(days=new.days) > left:
        what = msg("A token cannot last longer than the one that asks for it.")
        problems.append(Problem("body days", what, msg("Ask for fewer days, or log in.")))
    if problems:
        raise InvalidInput(problems)
    narrowed = new.model_copy(update={"scopes": sorted(scopes)})
    return _made(found, found.principal.user, narrowed, None)


def _made(found: Caller, user: User, new: NewTokenBody, permission: Permission | None) -> Any:
    hub = found.changing(permission, "create token", f"{user.id} {new.name}")
    lasts = timedelta(days=new.days)
    made = create_token(found.store(hub), hub.clock, user.id, new.name, lasts, frozenset(new.scopes))
    return found.show(MadeToken(token=without_digest(made.token), secret=made.secret))


@router.delete("/tokens/{token_id}", **operation(None, Token, refuses=(404,)))
def end_token(found: Anyone, token_id: Id) -> Any:
    """Revoke a token: one's own, or one of a user that the caller may change."""
    with found.house.store.reading() as tx:
        try:
            owner = tx.identity.user(tx.identity.token(token_id).user_id)
        except NotFound:
            owner = None
    ours = owner is not None and owner.id == found.principal.user.id
    if owner is None or not (ours or visible(found.principal, owner.organisation, Permission.USERS_WRITE)):
        raise NotFound(
            "not-found", msg("there is no {noun} {key}", noun=msg("token"), key=token_id), msg("Check the id.")
        )
    hub = found.changing(None if ours else Permission.USERS_WRITE, "revoke token", token_id)
    ended = revoke_token(found.store(hub), hub.clock, token_id)
    found.forget_principals()
    return found.show(without_digest(ended))


@router.get("/projects", **operation(Permission.JOBS_READ, ProjectList))
def list_projects(found: Annotated[Caller, Depends(needs(Permission.JOBS_READ))]) -> Any:
    """Projects that the caller may see."""
    tenant = found.principal.tenant_for(Permission.JOBS_READ)
    with found.store(found.reading(Permission.JOBS_READ)).reading() as tx:
        return found.show(ProjectList(projects=tuple(tx.identity.projects(tenant))))


@router.post("/projects", **operation(Permission.USERS_WRITE, Project, status=201, body=NewProject, refuses=(404,)))
def create_project(found: Writer, new: Annotated[NewProject, Depends(body_of(NewProject))]) -> Any:
    """A new project of an organisation; a repeat changes nothing."""
    organisation = new.organisation or found.principal.user.organisation
    own_tenant(found, organisation, Permission.USERS_WRITE)
    hub = found.changing(Permission.USERS_WRITE, "create project", f"{organisation} {new.id}")
    return found.show(add_project(found.store(hub), hub.grid, hub.clock, organisation, new.id, new.name))


@router.get("/audit", **operation(Permission.AUDIT_READ, AuditPage))
def list_audit(found: Auditor, after: AfterNumber = 0, limit: Limit = 100) -> Any:
    """Who did what to what, in the order it was done."""
    with found.store(found.reading(Permission.AUDIT_READ)).reading() as tx:
        entries = tx.identity.audit(after=after, limit=limit)
    full = len(entries) == limit
    return found.show(AuditPage(entries=tuple(entries), next=entries[-1].position if full else None))


_CSV = {"type": "string"}


@router.get("/audit.csv", **operation(Permission.AUDIT_READ, _CSV, media="text/csv"))
def export_audit(
    found: Auditor, after: AfterNumber = 0, limit: Annotated[int, Query(ge=1, le=100_000)] = 100_000
) -> Response:
    """The audit log as a table, for other programs."""
    with found.store(found.reading(Permission.AUDIT_READ)).reading() as tx:
        entries = tx.identity.audit(after=after, limit=limit)
    columns = ("position", "at", "user_id", "organisation", "action", "target", "request_id")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(found.show(entry)[name]) for name in columns] for entry in entries)
    return Response(out.getvalue(), media_type="text/csv")


def _cell(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula is quoted."""
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value else value

"""Users, projects and tokens: who may talk to the hub. Secrets are shown once; only their digests are kept."""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest

from suanwang.domain.identity import (
    SITE_ROLES,
    TENANT_ROLES,
    Permission,
    Principal,
    Project,
    Role,
    Token,
    User,
    UserKind,
)
from suanwang.domain.site import Grid
from suanwang.errors import InvalidInput, NotFound, NotPermitted, Problem, msg
from suanwang.hub_ports import HubStore, Identity
from suanwang.ports import Clock

PREFIX = "sw"
"""How a secret begins, so that scanners for leaked secrets can know it."""
FIRST_USER = "owner"
FIRST_LOGIN = "first-login"
FIRST_LOGIN_FOR = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """A token and its secret, which cannot be shown again."""

    token: Token
    secret: str


def authenticate(store: HubStore, secret: str, now: datetime) -> Principal:
    """The principal that a secret speaks for. Raises NotPermitted(not-authenticated), the same for every cause."""
    head, _, rest = secret.partition("_")
    token_id, _, key = rest.partition("_")
    if head != PREFIX or not key:
        raise unknown()
    try:
        with store.reading() as tx:
            token = tx.identity.token(token_id)
            user = tx.identity.user(token.user_id)
    except NotFound:
        raise unknown() from None
    if not compare_digest(token.digest, digest(key)) or not token.valid(now) or not user.active:
        raise unknown()
    return Principal(user=user, token=token)


def unknown() -> NotPermitted:
    """NotPermitted(not-authenticated)."""
    return NotPermitted(
        "not-authenticated",
        msg("there is no valid token with the request"),
        msg("Send `Authorization: Bearer <token>`; `suanwang token create` makes one."),
    )


def digest(key: str) -> str:
    """SHA-256 of a random key of 256 bits: nothing slower is needed against guessing."""
    return sha256(key.encode()).hexdigest()


def make_token(
    identity: Identity,
    user: User,
    name: str,
    now: datetime,
    lasts: timedelta,
    *,
    scopes: frozenset[Permission] = frozenset(),
    session: bool = False,
) -> NewToken:
    """A new token of a user, stored with its digest."""
    token_id, key = secrets.token_hex(8), secrets.token_urlsafe(32)
    token = Token(
        id=token_id,
        user_id=user.id,
        name=name,
        digest=digest(key),
        created=now,
        expires=now + lasts,
        scopes=scopes,
        session=session,
    )
    identity.add_token(token)
    return NewToken(token=token, secret=f"{PREFIX}_{token_id}_{key}")


def create_token(
    store: HubStore, clock: Clock, user_id: str, name: str, lasts: timedelta, scopes: frozenset[Permission]
) -> NewToken:
    """A token for a user by its id. Raises NotFound, InvalidInput."""
    if not timedelta(0) < lasts <= timedelta(days=366):
        what = msg("A token lasts from a second to 366 days.")
        raise InvalidInput([Problem("days", what, msg("Give a shorter time, and renew the token."))])
    with store.transaction() as tx:
        user = tx.identity.user(user_id)
        return make_token(tx.identity, user, name, clock.now(), lasts, scopes=scopes)


def add_user(store: HubStore, grid: Grid, user: User) -> User:
    """Store a new user. Raises InvalidInput with every problem, Conflict when the id is taken."""
    _check_user(grid, user)
    with store.transaction() as tx:
        tx.identity.add_user(user)
    return user


def change_user(store: HubStore, grid: Grid, user: User) -> User:
    """Replace a user's name, roles and so on. Raises InvalidInput, NotFound."""
    _check_user(grid, user)
    with store.transaction() as tx:
        tx.identity.change_user(user)
    return user


def _check_user(grid: Grid, user: User) -> None:
    problems = []
    if not _is_name(user.id):
        what = msg("{id!r} is not a user id.", id=user.id)
        problems.append(Problem("id", what, msg("Use up to 64 letters, digits and . _ @ -, beginning with a letter.")))
    if user.organisation and user.organisation not in {t.id for t in grid.tenants}:
        what = msg("The grid has no tenant {tenant!r}.", tenant=user.organisation)
        problems.append(Problem("organisation", what, msg("Add the tenant to the grid file first.")))
    if user.roles & TENANT_ROLES and not user.organisation:
        what = msg("The roles of a tenant need an organisation.")
        problems.append(Problem("organisation", what, msg("Name the tenant that the user belongs to.")))
    if user.site and user.site not in {s.id for s in grid.sites}:
        what = msg("The grid has no site {site!r}.", site=user.site)
        problems.append(Problem("site", what, msg("Name a site of the grid file.")))
    if user.roles & SITE_ROLES and not user.site:
        what = msg("The roles of a site need a site.")
        problems.append(Problem("site", what, msg("Name the site that the user acts for.")))
    if Role.VOUCHER_MAKER in user.roles and Role.VOUCHER_CHECKER in user.roles:
        what = msg("Nobody may both make and check vouchers.")
        problems.append(Problem("roles", what, msg("Give the roles to two people.")))
    if problems:
        raise InvalidInput(problems)


def _is_name(text: str) -> bool:
    return len(text) <= 64 and text[:1].isalpha() and all(c.isascii() and (c.isalnum() or c in "._@-") for c in text)


def add_project(store: HubStore, grid: Grid, clock: Clock, organisation: str, project_id: str, name: str) -> Project:
    """A project of an organisation; a repeat changes nothing. Raises NotFound, InvalidInput."""
    grid.tenant(organisation)
    if not _is_name(project_id):
        what = msg("{id!r} is not a project id.", id=project_id)
        raise InvalidInput(
            [Problem("id", what, msg("Use up to 64 letters, digits and . _ @ -, beginning with a letter."))]
        )
    project = Project(id=project_id, organisation=organisation, name=name or project_id, created=clock.now())
    with store.transaction() as tx:
        tx.identity.add_project(project)
    return project


def first_login(store: HubStore, grid: Grid, clock: Clock, organisation: str) -> NewToken | None:
    """A token of the first user, made with it, as long as nobody else has one; the one before it is revoked.

    None when the hub has other users: they know how to log in.
    """
    now = clock.now()
    with store.transaction() as tx:
        known = tx.identity.users(limit=2)
        if [u.id for u in known] not in ([], [FIRST_USER]):
            return None
        if not known:
            tx.identity.add_user(_first_user(grid, organisation, now))
        for token in tx.identity.tokens(FIRST_USER):
            if token.name == FIRST_LOGIN:
                tx.identity.revoke(token.id, now)
        return make_token(tx.identity, tx.identity.user(FIRST_USER), FIRST_LOGIN, now, FIRST_LOGIN_FOR)


def _first_user(grid: Grid, organisation: str, now: datetime) -> User:
    """The grid's operator, who is also the administrator of the tenant that orders by default, where it is there."""
    ours = organisation if organisation in {t.id for t in grid.tenants} else ""
    roles = {Role.GRID_OPERATOR, Role.ADMIN} if ours else {Role.GRID_OPERATOR}
    return User(
        id=FIRST_USER, kind=UserKind.PERSON, name="Owner", roles=frozenset(roles), organisation=ours, created=now
    )


def revoke_token(store: HubStore, clock: Clock, token_id: str) -> Token:
    """End a token now. Raises NotFound."""
    with store.transaction() as tx:
        return tx.identity.revoke(token_id, clock.now())


def without_digest(token: Token) -> Token:
    """A token as it may be shown."""
    return replace(token, digest="")

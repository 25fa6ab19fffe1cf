"""Who may do what: users, their roles, the tokens that speak for them, and the record of what they did.

A role allows some things within the user's own organisation (a tenant of the grid) and some everywhere. A token speaks
for one user and may allow less than the user's roles do, never more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from suanwang.errors import NotPermitted, msg


class Permission(StrEnum):
    """What an operation of the hub asks for."""

    GRID_READ = "grid-read"
    QUOTE = "quote"
    JOBS_READ = "jobs-read"
    JOBS_WRITE = "jobs-write"
    BOOKS_READ = "books-read"
    BOOKS_WRITE = "books-write"
    LEDGER_READ = "ledger-read"
    VOUCHERS_MAKE = "vouchers-make"
    VOUCHERS_CHECK = "vouchers-check"
    SITES_OPERATE = "sites-operate"
    GRID_OPERATE = "grid-operate"
    USERS_READ = "users-read"
    USERS_WRITE = "users-write"
    HOOKS_WRITE = "hooks-write"
    AUDIT_READ = "audit-read"
    AGENT_SYNC = "agent-sync"


class Role(StrEnum):
    """Roles of a tenant's people, of a site's, of the voucher office's, and of the grid's."""

    MEMBER = "member"
    ADMIN = "admin"
    BILLING = "billing"
    SITE_OPERATOR = "site-operator"
    VOUCHER_MAKER = "voucher-maker"
    VOUCHER_CHECKER = "voucher-checker"
    AUDITOR = "auditor"
    GRID_OPERATOR = "grid-operator"
    AGENT = "agent"


P = Permission
_WORK = frozenset({P.QUOTE, P.JOBS_READ, P.JOBS_WRITE})
IN_ORGANISATION: Mapping[Role, frozenset[Permission]] = {
    Role.MEMBER: _WORK,
    Role.BILLING: frozenset({P.QUOTE, P.JOBS_READ, P.BOOKS_READ}),
    Role.ADMIN: _WORK | {P.BOOKS_READ, P.USERS_READ, P.USERS_WRITE, P.HOOKS_WRITE},
}
"""What a role allows on the things of the user's own organisation."""

EVERYWHERE: Mapping[Role, frozenset[Permission]] = {
    Role.SITE_OPERATOR: frozenset({P.SITES_OPERATE}),
    Role.VOUCHER_MAKER: frozenset({P.VOUCHERS_MAKE}),
    Role.VOUCHER_CHECKER: frozenset({P.VOUCHERS_CHECK}),
    Role.AUDITOR: frozenset({P.JOBS_READ, P.BOOKS_READ, P.LEDGER_READ, P.USERS_READ, P.AUDIT_READ}),
    Role.GRID_OPERATOR: frozenset(P) - {P.AGENT_SYNC, P.VOUCHERS_MAKE, P.VOUCHERS_CHECK},
    Role.AGENT: frozenset({P.AGENT_SYNC}),
}
"""What a role allows on the things of everybody; a site's roles act on their own site only."""

TENANT_ROLES = frozenset(IN_ORGANISATION)
SITE_ROLES = frozenset({Role.SITE_OPERATOR, Role.AGENT})


class UserKind(StrEnum):
    """A person logs in; a service account has tokens only."""

    PERSON = "person"
    SERVICE = "service"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """`organisation`: a tenant's id, "" for people of the grid or a site. `site`: the site that the user's site roles
    are for. `subject`: who an identity provider says it is (issuer and subject), "" where it does not log in there.
    """

    id: str
    kind: UserKind
    name: str
    roles: frozenset[Role]
    created: datetime
    organisation: str = ""
    site: str = ""
    email: str = ""
    subject: str = ""
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A secret that speaks for a user until `expires`. Only its `digest` (SHA-256) is kept; `scopes` empty = all that
    the user may. `session`: made by logging in, so it is taken from a cookie and asks for a CSRF token.
    """

    id: str
    user_id: str
    name: str
    digest: str
    created: datetime
    expires: datetime
    scopes: frozenset[Permission] = frozenset()
    session: bool = False
    revoked: datetime | None = None

    def valid(self, now: datetime) -> bool:
        return self.revoked is None and self.created <= now < self.expires


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A part of an organisation that jobs are ordered for (label `project` of a workload)."""

    id: str
    organisation: str
    name: str
    created: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One act of a user: `action` is the operation, `target` what it was done to. `position` counts from 1."""

    at: datetime
    user_id: str
    organisation: str
    action: str
    target: str
    request_id: str
    position: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who makes a request: a user, through one token. Raises nothing by itself; `require` does."""

    user: User
    token: Token

    def _allowed(self, table: Mapping[Role, frozenset[Permission]]) -> frozenset[Permission]:
        allowed = frozenset[Permission]().union(*(table.get(role, frozenset()) for role in self.user.roles))
        return allowed & self.token.scopes if self.token.scopes else allowed

    def everywhere(self, permission: Permission) -> bool:
        """Whether the permission holds for the things of every organisation."""
        if permission is Permission.GRID_READ:
            return not self.token.scopes or permission in self.token.scopes
        return permission in self._allowed(EVERYWHERE)

    def within(self, permission: Permission) -> bool:
        """Whether the permission holds for the things of the user's own organisation."""
        return bool(self.user.organisation) and permission in self._allowed(IN_ORGANISATION)

    def may(self, permission: Permission, organisation: str | None = None) -> bool:
        """Whether it may; `organisation`: whose thing it is (None: anything at all)."""
        if self.everywhere(permission):
            return True
        return self.within(permission) and organisation in (None, self.user.organisation)

    def require(self, permission: Permission) -> None:
        """Raises NotPermitted(role-missing) when no role or scope of it allows this anywhere."""
        if not self.may(permission):
            raise NotPermitted(
                "role-missing",
                msg("{user} may not do this: it needs {permission}", user=self.user.id, permission=permission.value),
                msg("Ask an administrator for a role, or a token with that scope."),
            )

    def tenant_for(self, permission: Permission) -> str:
        """The organisation whose things it may see with a permission; "" for all of them. Raises NotPermitted."""
        self.require(permission)
        return "" if self.everywhere(permission) else self.user.organisation

"""Users, projects, tokens and the audit log, in SQL (the port `Identity`)."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, insert, select, update

from suanwang.adapters.store import codec, tables
from suanwang.adapters.store.checks import missing, other_body
from suanwang.adapters.store.refusals import refusals, step
from suanwang.adapters.store.tables import insert_new, microseconds, projects, tokens, users
from suanwang.domain.identity import AuditEntry, Project, Token, User
from suanwang.errors import msg


class SqlIdentity:
    """One transaction's view of who may do what."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_user(self, user: User) -> None:
        row = {"id": user.id, **_user_row(user)}
        with step(self._connection):
            if not insert_new(self._connection, users, [row]):
                raise other_body(msg("user"), user.id)

    def change_user(self, user: User) -> None:
        with step(self._connection):
            changed = update(users).where(users.c.id == user.id).values(**_user_row(user))
            if not self._connection.execute(changed).rowcount:
                raise missing(msg("user"), user.id)

    def user(self, user_id: str) -> User:
        body = self._value(select(users.c.body).where(users.c.id == user_id))
        if body is None:
            raise missing(msg("user"), user_id)
        return codec.load(User, body)

    def user_of(self, subject: str) -> User | None:
        body = self._value(select(users.c.body).where(users.c.subject == subject))
        return None if body is None else codec.load(User, body)

    def users(self, organisation: str = "", after: str = "", limit: int = 1000) -> list[User]:
        query = select(users.c.body).where(users.c.id > after).order_by(users.c.id).limit(limit)
        if organisation:
            query = query.where(users.c.organisation == organisation)
        return [codec.load(User, body) for body in self._values(query)]

    def add_project(self, project: Project) -> None:
        row = {"organisation": project.organisation, "id": project.id, "body": codec.dump(project)}
        with step(self._connection):
            insert_new(self._connection, projects, [row])

    def projects(self, organisation: str = "") -> list[Project]:
        query = select(projects.c.body).order_by(projects.c.organisation, projects.c.id)
        if organisation:
            query = query.where(projects.c.organisation == organisation)
        return [codec.load(Project, body) for body in self._values(query)]

    def add_token(self, token: Token) -> None:
        row = {
            "id": token.id,
            "user_id": token.user_id,
            "expires_us": microseconds(token.expires),
            "body": codec.dump(token),
        }
        with step(self._connection):
            if not insert_new(self._connection, tokens, [row]):
                raise other_body(msg("token"), token.id)

    def token(self, token_id: str) -> Token:
        body = self._value(select(tokens.c.body).where(tokens.c.id == token_id))
        if body is None:
            raise missing(msg("token"), token_id)
        return codec.load(Token, body)

    def tokens(self, user_id: str) -> list[Token]:
        query = select(tokens.c.body).where(tokens.c.user_id == user_id).order_by(tokens.c.id)
        return [codec.load(Token, body) for body in self._values(query)]

    def revoke(self, token_id: str, at: datetime) -> Token:
        token = self.token(token_id)
        if token.revoked is not None:
            return token
        revoked = replace(token, revoked=at)
        with step(self._connection):
            self._connection.execute(update(tokens).where(tokens.c.id == token_id).values(body=codec.dump(revoked)))
        return revoked

    def record(self, entry: AuditEntry) -> None:
        row = {"organisation": entry.organisation, "at_us": microseconds(entry.at), "body": codec.dump(entry)}
        with step(self._connection):
            self._connection.execute(insert(tables.audit), row)

    def audit(self, organisation: str = "", after: int = 0, limit: int = 1000) -> list[AuditEntry]:
        table = tables.audit
        query = select(table.c.position, table.c.body).where(table.c.position > after).order_by(table.c.position)
        if organisation:
            query = query.where(table.c.organisation == organisation)
        with refusals():
            rows = self._connection.execute(query.limit(limit)).all()
        return [replace(codec.load(AuditEntry, body), position=position) for position, body in rows]

    def _value(self, query: Select[Any]) -> str | None:
        with refusals():
            found: str | None = self._connection.execute(query).scalar()
        return found

    def _values(self, query: Select[Any]) -> list[str]:
        with refusals():
            return list(self._connection.execute(query).scalars())


def _user_row(user: User) -> dict[str, Any]:
    return {"organisation": user.organisation, "subject": user.subject or None, "body": codec.dump(user)}

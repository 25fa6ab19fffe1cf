"""`user`, `project` and `token`: who may use the hub. On the hub's own machine these need no token."""

import click

from suanwang.errors import InvalidInput, Problem, msg
from suanwang.interfaces.cli.run import grid_option, json_option
from suanwang.interfaces.cli.terminal import Terminal


@click.group()
def token() -> None:
    """Tokens: secrets that speak for a user at the API, narrowed to scopes and ending by themselves."""


@token.command(name="create")
@click.argument("user_id")
@click.option("--name", default="cli", show_default=True, help="What it is for.")
@click.option("--days", default=90.0, show_default=True, type=float, help="How long it lasts.")
@click.option("--scope", "scopes", multiple=True, help="Only this permission (repeatable); none: all of the user's.")
@grid_option
@json_option
@click.pass_obj
def token_create(
    terminal: Terminal, user_id: str, name: str, days: float, scopes: tuple[str, ...], grid: str, as_json: bool
) -> int:
    """A new token of a user. Its secret is shown once.

    \b
    Examples:
      suanwang token create owner
      suanwang token create ci --days 30 --scope jobs-read --scope jobs-write --scope quote
    """
    from datetime import timedelta

    from suanwang.bootstrap import open_house
    from suanwang.domain.identity import Permission
    from suanwang.schemas.wire import plain
    from suanwang.service.identity import create_token, without_digest

    known = {p.value for p in Permission}
    problems = [
        Problem("--scope", msg("There is no scope {scope!r}.", scope=s), msg("Known: {known}.", known=", ".join(known)))
        for s in scopes
        if s not in known
    ]
    if not 0 < days <= 366:
        remedy = msg("Give a shorter time, and renew the token.")
        problems.append(Problem("--days", msg("A token lasts from a second to 366 days."), remedy))
    if problems:
        raise InvalidInput(problems)
    with open_house(grid=grid) as house:
        wanted = frozenset(Permission(s) for s in scopes)
        new = create_token(house.store, house.hub.clock, user_id, name, timedelta(days=days), wanted)
    if as_json:
        terminal.json({"token": plain(without_digest(new.token)), "secret": new.secret})
    else:
        terminal.say(new.secret)
        terminal.note(msg("It is not shown again; it ends on {when}.", when=f"{new.token.expires:%Y-%m-%d %H:%M}Z"))
    return 0


@token.command(name="list")
@click.argument("user_id")
@grid_option
@json_option
@click.pass_obj
def token_list(terminal: Terminal, user_id: str, grid: str, as_json: bool) -> int:
    """Tokens of a user, without their secrets.

    \b
    Example:
      suanwang token list owner
    """
    from suanwang.bootstrap import open_house
    from suanwang.schemas.wire import plain
    from suanwang.service.identity import without_digest

    with open_house(grid=grid) as house, house.store.reading() as tx:
        tx.identity.user(user_id)
        found = [without_digest(t) for t in tx.identity.tokens(user_id)]
    if as_json:
        terminal.json({"tokens": plain(found)})
        return 0
    columns = (msg("token"), msg("name"), msg("scopes"), msg("expires"), msg("revoked"))
    rows = [
        (
            t.id,
            t.name,
            ", ".join(sorted(t.scopes)) or "*",
            f"{t.expires:%Y-%m-%d %H:%M}Z",
            f"{t.revoked:%Y-%m-%d %H:%M}Z" if t.revoked else "–",
        )
        for t in found
    ]
    terminal.table(columns, rows)
    return 0


@token.command(name="revoke")
@click.argument("token_id")
@grid_option
@json_option
@click.pass_obj
def token_revoke(terminal: Terminal, token_id: str, grid: str, as_json: bool) -> int:
    """End a token now. A hub that runs forgets it within 3 seconds.

    \b
    Example:
      suanwang token revoke 1f2e3d4c5b6a7988
    """
    from suanwang.bootstrap import open_house
    from suanwang.schemas.wire import plain
    from suanwang.service.identity import revoke_token, without_digest

    with open_house(grid=grid) as house:
        ended = revoke_token(house.store, house.hub.clock, token_id)
    if as_json:
        terminal.json(plain(without_digest(ended)))
    else:
        terminal.say(msg("Token {token} is revoked.", token=ended.id))
    return 0


@click.group()
def user() -> None:
    """Users of the hub: people and service accounts, with their roles."""


@user.command(name="create")
@click.argument("user_id")
@click.option("--name", default="", help="The name that is shown; default: the id.")
@click.option("--role", "roles", multiple=True, required=True, help="A role (repeatable).")
@click.option("--organisation", default="", help="The tenant that it belongs to.")
@click.option("--site", default="", help="The site that it acts for.")
@click.option("--email", default="", help="Where to write to.")
@click.option("--service", is_flag=True, help="A service account: tokens only, no log-in.")
@grid_option
@json_option
@click.pass_obj
def user_create(
    terminal: Terminal,
    user_id: str,
    name: str,
    roles: tuple[str, ...],
    organisation: str,
    site: str,
    email: str,
    service: bool,
    grid: str,
    as_json: bool,
) -> int:
    """A new user.

    \b
    Examples:
      suanwang user create li --role member --organisation me
      suanwang user create east-agent --service --role agent --site east
    """
    from suanwang.bootstrap import open_house
    from suanwang.domain.identity import Role, User, UserKind
    from suanwang.schemas.wire import plain
    from suanwang.service.identity import add_user

    known = {r.value for r in Role}
    problems = [
        Problem("--role", msg("There is no role {role!r}.", role=r), msg("Known: {known}.", known=", ".join(known)))
        for r in roles
        if r not in known
    ]
    if problems:
        raise InvalidInput(problems)
    with open_house(grid=grid) as house:
        made = User(
            id=user_id,
            kind=UserKind.SERVICE if service else UserKind.PERSON,
            name=name or user_id,
            roles=frozenset(Role(r) for r in roles),
            created=house.hub.clock.now(),
            organisation=organisation,
            site=site,
            email=email,
        )
        add_user(house.store, house.hub.grid, made)
    if as_json:
        terminal.json(plain(made))
    else:
        terminal.say(msg("User {user} is there.", user=made.id))
    return 0


@user.command(name="list")
@click.option("--organisation", default="", help="Only this tenant's.")
@grid_option
@json_option
@click.pass_obj
def user_list(terminal: Terminal, organisation: str, grid: str, as_json: bool) -> int:
    """Users with their roles.

    \b
    Example:
      suanwang user list
    """
    from suanwang.bootstrap import open_house
    from suanwang.schemas.wire import plain

    with open_house(grid=grid) as house, house.store.reading() as tx:
        found = tx.identity.users(organisation=organisation)
    if as_json:
        terminal.json({"users": plain(found)})
        return 0
    columns = (msg("user"), msg("name"), msg("kind"), msg("organisation"), msg("site"), msg("roles"))
    rows = [
        (u.id, u.name, u.kind.value, u.organisation or "–", u.site or "–", ", ".join(sorted(u.roles))) for u in found
    ]
    terminal.table(columns, rows)
    return 0


@click.group()
def project() -> None:
    """Projects: parts of an organisation that jobs are ordered for."""


@project.command(name="create")
@click.argument("organisation")
@click.argument("project_id")
@click.option("--name", default="", help="The name that is shown; default: the id.")
@grid_option
@json_option
@click.pass_obj
def project_create(terminal: Terminal, organisation: str, project_id: str, name: str, grid: str, as_json: bool) -> int:
    """A new project of an organisation; a repeat changes nothing.

    \b
    Example:
      suanwang project create me vision
    """
    from suanwang.bootstrap import open_house
    from suanwang.schemas.wire import plain
    from suanwang.service.identity import add_project

    with open_house(grid=grid) as house:
        made = add_project(house.store, house.hub.grid, house.hub.clock, organisation, project_id, name)
    if as_json:
        terminal.json(plain(made))
    else:
        terminal.say(msg("Project {project} of {organisation} is there.", project=made.id, organisation=organisation))
    return 0


@project.command(name="list")
@click.option("--organisation", default="", help="Only this tenant's.")
@grid_option
@json_option
@click.pass_obj
def project_list(terminal: Terminal, organisation: str, grid: str, as_json: bool) -> int:
    """Projects of every organisation.

    \b
    Example:
      suanwang project list
    """
    from suanwang.bootstrap import open_house
    from suanwang.schemas.wire import plain

    with open_house(grid=grid) as house, house.store.reading() as tx:
        found = tx.identity.projects(organisation=organisation)
    if as_json:
        terminal.json({"projects": plain(found)})
        return 0
    terminal.table((msg("organisation"), msg("project"), msg("name")), [(p.organisation, p.id, p.name) for p in found])
    return 0

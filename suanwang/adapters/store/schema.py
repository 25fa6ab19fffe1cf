"""Create or migrate the database's tables; refuse a database that a newer program made."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, delete, insert, inspect, select

from suanwang import __version__
from suanwang.adapters.store.tables import meta, transitions
from suanwang.domain.job import TRANSITIONS, JobState
from suanwang.errors import Never, msg

MIGRATIONS = Path(__file__).parent / "migrations"
VERSION_TABLE = "suanwang_schema"


def migrate(connection: Connection) -> None:
    """Bring the tables to this program's schema, inside the connection's transaction.

    Raises Never(store-refused), naming both versions, when the database's schema is not one this program knows.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    script = ScriptDirectory.from_config(config)
    current = revision_of(connection) or None
    head = script.get_current_head()
    if current is not None and current not in {s.revision for s in script.walk_revisions()}:
        raise _newer(connection, current, str(head))
    if current != head:
        command.upgrade(config, "head")
        connection.execute(delete(meta).where(meta.c.key == "suanwang_version"))
        connection.execute(insert(meta), {"key": "suanwang_version", "value": __version__})
    _write_transitions(connection)


def revision_of(connection: Connection) -> str:
    """The revision of the tables; "" where there are none."""
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision() or ""


def _newer(connection: Connection, current: str, head: str) -> Never:
    """The refusal; it names the program that made the database, if that is written where we know it."""
    writer = ""
    if inspect(connection).has_table(meta.name):
        writer = connection.execute(select(meta.c.value).where(meta.c.key == "suanwang_version")).scalar() or ""
    return Never(
        "store-refused",
        msg(
            "the database has schema {current} of suanwang {writer}; suanwang {version} knows up to {head}",
            current=current,
            writer=writer or "(unknown)",
            version=__version__,
            head=head,
        ),
        msg("Install suanwang {writer} or newer, or use another database.", writer=writer or current),
    )


def _write_transitions(connection: Connection) -> None:
    """The database's copy of TRANSITIONS, which its trigger reads; '' stands for "not there yet"."""
    wanted = {(before.value, after.value) for before, allowed in TRANSITIONS.items() for after in allowed}
    wanted.add(("", JobState.SUBMITTED.value))
    stored = {(row.state_before, row.state_after) for row in connection.execute(select(transitions))}
    if stored != wanted:
        connection.execute(delete(transitions))
        rows = [{"state_before": before, "state_after": after} for before, after in sorted(wanted)]
        connection.execute(insert(transitions), rows)

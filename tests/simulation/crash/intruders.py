"""What each key and trigger of the database is there to refuse, as somebody would write it who goes past the program.

For every rule one intruder: statements of which the last must be refused. A rule without one, or an intruder without a
rule, fails the test: whoever adds a key says here what it is against.
"""

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError

APPEND_ONLY = ("job_events", "usage_records", "charges", "price_books", "transfers")
CLOSED = "INSERT INTO closed_periods (id, hash, body, start_us, end_us, closed_us, position) VALUES "
CLOSE = CLOSED + "('2026-01', '', '', 1, 2, 3, 0)"
CORRECT = (
    "INSERT INTO usage_corrections (usage_id, job_id, body, sequence, at_us)"
    " SELECT id, job_id, body, 1, 1 FROM usage_records LIMIT 1"
)
ISSUE = (
    "INSERT INTO documents (id, kind, subject, period, body, at_us) VALUES ('INV-1', 'invoice', 'me', '2026-01', '', 1)"
)
USER = "INSERT INTO users (id, organisation, body, subject) VALUES "
PROJECT = "INSERT INTO projects (organisation, id, body) VALUES ('o', 'p', '')"
TOKEN = "INSERT INTO tokens (id, user_id, body, expires_us) VALUES ('t', 'u', '', 1)"
AUDIT = "INSERT INTO audit (position, organisation, body, at_us) VALUES (1, 'o', '', 1)"
LEASE = "INSERT INTO leases (name, holder, until_us) VALUES ('tick', 'h', 1)"
DRAIN = "INSERT INTO drains (place, drained_by, at_us) VALUES ('p', 'u', 1)"
SIGNAL = (
    "INSERT INTO signal_versions (site_id, field, body, at_us, start_us, until_us) VALUES ('s', 'power', '', 1, 1, 2)"
)
WEBHOOK = "INSERT INTO webhooks (id, organisation, body, active) VALUES ('w', 'o', '', 1)"
DELIVERY = (
    "INSERT INTO deliveries (webhook_id, job_id, state, sequence, attempts, due_us)"
    " VALUES ('w', 'j', 'waiting', 1, 0, 0)"
)
WRITERS = {"deliveries_made"}
"""Triggers that write a row and refuse none; what they write is tested where it is read."""
BOOKS = {"closed_periods": CLOSE, "usage_corrections": CORRECT, "documents": ISSUE}


def copy(table: str, where: str = "true", **changes: str) -> tuple[str, str, Mapping[str, str]]:
    """Insert a row again (the last one that `where` holds for), with some columns changed to SQL expressions."""
    return table, where, changes


Intruder = tuple[tuple[str, str, Mapping[str, str]] | str, ...]
SINGLE, NEXT = "kind = 'single'", "position + 1000000"
SITE_ORDER = "INSERT INTO site_orders (id, site_id, job_id, number, done, body) VALUES ('o', 's', 'j', 7, 0, '')"
DOCKET = (
    "INSERT INTO dockets (id, kind, programme_id, tenant, state, sequence, two_persons, body)"
    " VALUES ('d', 'claim', 'p', 't', 'draft', 1, 1, '')"
)
STEP = (
    "INSERT INTO docket_steps (docket_id, sequence, state_before, state_after, actor, role, at_us, body)"
    " VALUES ('d', 1, '', 'draft', 'a', 'maker', 0, '')"
)
COMPARED = (
    "INSERT INTO comparisons (pool_id, work, sequence, job_id, at_us, body)"
    " SELECT 'p', 'w', 1, min(id), 0, '' FROM jobs WHERE id NOT IN (SELECT job_id FROM comparisons)"
)
INTRUDERS: dict[str, Intruder] = {
    "key_meta_key": (copy("meta"),),
    "key_transitions_state_before_state_after": (copy("transitions"),),
    "suanwang_schema_pkc": (copy("suanwang_schema"),),
    "key_jobs_id": (copy("jobs", key="key || 'x'"),),
    "key_jobs_tenant_key": (copy("jobs", id="id || 'x'"),),
    "key_job_events_job_id_sequence": (copy("job_events", at_us="at_us + 1"),),
    "key_orders_id": (copy("orders", attempt="attempt + 1"),),
    "key_orders_job_id_attempt": (copy("orders", id="id || 'x'"),),
    "key_usage_records_id": (copy("usage_records", start_us="end_us + 1000000000", end_us="end_us + 2000000000"),),
    "key_usage_records_order_id_start_us": (copy("usage_records", id="id || 'x'"),),
    "key_charges_id": (copy("charges", amount_micro="amount_micro + 1"),),
    "key_price_books_id_version": (copy("price_books", body="body || ' '"),),
    "key_accounts_id": (copy("accounts", unit="'USD'"),),
    "key_accounts_id_unit": (copy("transfers", SINGLE, id="id || 'x'", position=NEXT, unit="'USD'"),),
    "key_transfers_id": (copy("transfers", SINGLE, position=NEXT),),
    "key_transfers_position": (copy("transfers", SINGLE, id="id || 'x'"),),
    "key_transfers_pending_id": (copy("transfers", "kind = 'void'", id="id || 'x'", position=NEXT),),
    "key_vouchers_id": (copy("vouchers", tenant="'poor'"),),
    "key_site_agents_site_id": (
        "INSERT INTO site_agents (site_id, body) VALUES ('s', '')",
        copy("site_agents", "site_id = 's'", body="'x'"),
    ),
    "key_site_orders_id": (SITE_ORDER, copy("site_orders", "id = 'o'", number="number + 1")),
    "key_site_orders_site_id_number": (SITE_ORDER, copy("site_orders", "id = 'o'", id="'p'")),
    "key_site_inquiries_id": (
        "INSERT INTO site_inquiries (id, site_id, body) VALUES ('i', 's', '')",
        copy("site_inquiries", "id = 'i'", body="'x'"),
    ),
    "key_dockets_id": (DOCKET, copy("dockets", "id = 'd'", tenant="'poor'")),
    "key_docket_steps_docket_id_sequence": (DOCKET, STEP, copy("docket_steps", at_us="at_us + 1")),
    "key_comparisons_pool_id_work_sequence": (COMPARED, COMPARED),
    "key_comparisons_job_id": (COMPARED, copy("comparisons", "pool_id = 'p'", sequence="sequence + 1")),
    "comparisons_append_only_update": (COMPARED, "UPDATE comparisons SET body = 'x'"),
    "comparisons_append_only_delete": (COMPARED, "DELETE FROM comparisons"),
    "docket_steps_sequence": (DOCKET, STEP, copy("docket_steps", sequence="sequence + 2")),
    "docket_steps_persons": (
        DOCKET,
        STEP,
        copy("docket_steps", sequence="2", state_before="'draft'", role="'checker'"),
    ),
    **{
        f"docket_steps_append_only_{verb}": (DOCKET, STEP, statement)
        for verb, statement in (
            ("update", "UPDATE docket_steps SET actor = 'x'"),
            ("delete", "DELETE FROM docket_steps"),
        )
    },
    "job_events_sequence": (
        copy("job_events", sequence="sequence + 2", state_before="NULL", state_after="'submitted'"),
    ),
    "job_events_transition": (copy("job_events", sequence="sequence + 1", state_before="state_after"),),
    "usage_records_overlap": (copy("usage_records", id="id || 'x'", start_us="start_us + 1"),),
    "transfers_hold": (
        copy("transfers", SINGLE, id="'h'", position=NEXT, kind="'pending'"),
        copy(
            "transfers",
            "id = 'h'",
            id="'p'",
            position=NEXT,
            kind="'post'",
            pending_id="id",
            amount_micro="amount_micro + 1",
        ),
    ),
    "key_users_id": (USER + "('u', 'o', '', 's')", USER + "('u', 'o', '', 'other')"),
    "key_users_subject": (USER + "('u', 'o', '', 's')", USER + "('other', 'o', '', 's')"),
    "key_projects_organisation_id": (PROJECT, PROJECT),
    "key_tokens_id": (USER + "('u', 'o', '', 's')", TOKEN, TOKEN),
    "key_audit_position": (AUDIT, AUDIT),
    "audit_append_only_update": (AUDIT, "UPDATE audit SET body = 'x'"),
    "audit_append_only_delete": (AUDIT, "DELETE FROM audit"),
    "key_leases_name": (LEASE, LEASE),
    "key_drains_place": (DRAIN, DRAIN),
    "key_signal_versions_site_id_field_at_us_start_us": (SIGNAL, SIGNAL),
    "signal_versions_append_only_update": (SIGNAL, "UPDATE signal_versions SET body = 'x'"),
    "signal_versions_append_only_delete": (SIGNAL, "DELETE FROM signal_versions"),
    "key_webhooks_id": (WEBHOOK, WEBHOOK),
    "key_deliveries_webhook_id_job_id_sequence": (WEBHOOK, DELIVERY, DELIVERY),
    "key_closed_periods_id": (CLOSE, CLOSED + "('2026-01', '', '', 2, 3, 4, 0)"),
    "closed_periods_order": (CLOSE, CLOSED + "('2026-03', '', '', 5, 6, 7, 0)"),
    "transfers_closed": (
        CLOSED + "('2026-01', '', '', 1, 9000000000000000000, 3, 0)",
        copy("transfers", SINGLE, id="id || 'x'", position=NEXT),
    ),
    "key_usage_corrections_usage_id_sequence": (CORRECT, CORRECT),
    "usage_corrections_sequence": (CORRECT.replace(", 1, 1 ", ", 2, 1 "),),
    "key_documents_id": (ISSUE, ISSUE),
    **{f"{table}_append_only_update": (row, f"UPDATE {table} SET body = 'x'") for table, row in BOOKS.items()},
    **{f"{table}_append_only_delete": (row, f"DELETE FROM {table}") for table, row in BOOKS.items()},
    **{f"{table}_append_only_update": (f"UPDATE {table} SET body = body || ' '",) for table in APPEND_ONLY},
    **{f"{table}_append_only_delete": (f"DELETE FROM {table}",) for table in APPEND_ONLY},
    "usage_records_append_only_delete": (  # one without a charge: the others are held by the charges' foreign key
        copy("usage_records", id="'u'", start_us="end_us + 1000000000", end_us="end_us + 2000000000"),
        "DELETE FROM usage_records WHERE id = 'u'",
    ),
}


def let_in(database: Engine) -> Iterator[str]:
    """The rules whose intruder was not refused. Nothing of it is kept."""
    for rule, statements in INTRUDERS.items():
        with database.connect() as connection:
            try:
                for statement in statements:
                    _write(connection, statement)
            except DBAPIError:
                continue
            finally:
                connection.rollback()
        yield f"the intruder against {rule} was let in"


def _write(connection: Connection, what: tuple[str, str, Mapping[str, str]] | str) -> None:
    if isinstance(what, str):
        connection.execute(text(what))
        return
    table, where, changes = what
    names = [column["name"] for column in inspect(connection).get_columns(table)]
    values = ", ".join(changes.get(name, name) for name in names)
    last = f"SELECT * FROM {table} WHERE {where} ORDER BY rowid DESC LIMIT 1"
    done = connection.execute(text(f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM ({last})"))
    assert done.rowcount == 1, f"there is no row of {table} where {where}"

"""Alembic's entry: run the migrations on the connection that `schema.migrate` gives, inside its transaction."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], version_table="suanwang_schema")
context.run_migrations()

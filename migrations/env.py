"""The one alembic environment: runs a branch's revisions in one schema of one database.

Always entered through `migrations.run`, which hands over an open connection whose search_path
begins with the target schema. Revisions name no schema, so the same ones make every generation of
the read catalog; each schema keeps its own `alembic_version`.
"""

from alembic import context

attributes = context.config.attributes
context.configure(
    connection=attributes["connection"],
    version_table_schema=attributes["schema"],
)
with context.begin_transaction():
    context.run_migrations()

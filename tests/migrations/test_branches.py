"""Every branch of migrations leads to its models; every read model has one."""

import pytest

from adapters.composition.migration import MODELS
from adapters.composition.topology import READ_MODELS
from migrations import run
from projections.read_model import EVENT_COLUMNS, ReadModel

SCHEMAS = {"engine": "engine", "master": "public"} | {
    model.migration_branch: model.schema for model in READ_MODELS
}


def test_every_branch_is_known_and_has_its_folder() -> None:
    assert set(MODELS) == set(SCHEMAS) == set(run.branches())


@pytest.mark.parametrize("model", READ_MODELS, ids=lambda m: str(m.name))
def test_a_read_models_tables_are_its_branchs_and_nobody_elses(model: ReadModel) -> None:
    tables = {projection.sql for projection in model.projections}
    assert set(MODELS[model.migration_branch].tables.values()) == tables
    for table in tables:
        assert {"id", *EVENT_COLUMNS} <= {column.name for column in table.columns}


@pytest.mark.integration
@pytest.mark.parametrize("branch", sorted(SCHEMAS))
def test_migrations_lead_to_the_models(database: str, branch: str) -> None:
    schema = SCHEMAS[branch]
    run.upgrade(database, branch, schema)
    assert run.check(database, schema, MODELS[branch]) == []
    assert run.current(database, branch, schema) == run.history(branch)[-1][0]

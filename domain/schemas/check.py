"""The check that keeps contracts whole: code, newest version and all older ones agree."""

from itertools import combinations

from domain.schemas.compatibility import incompatibilities
from domain.schemas.derivation import Schema, schema_of
from domain.schemas.versions import Contract


def contract_problems(contract: Contract, generated: Schema | None = None) -> list[str]:
    """Say what is wrong with a contract, one sentence each, with the cure; empty when all is well.

    `generated` is the schema that the code stands for now; by default it is derived.
    """
    generated = schema_of(contract.event_type) if generated is None else generated
    if not contract.versions:
        return [f"{contract.name}: not published yet: run `catalog schemas write`"]
    broken = [
        f"{contract.name}: v{new.number} is incompatible with v{old.number}: {found}"
        for old, new in combinations(contract.versions, 2)
        for found in incompatibilities(old.schema, new.schema)
    ]
    if generated == contract.newest.schema:
        return broken
    unlike = [
        f"{contract.name}: the code is incompatible with v{version.number}: {found}"
        for version in contract.versions
        for found in incompatibilities(version.schema, generated)
    ]
    stale = f"{contract.name}: the code differs from v{contract.newest.number}"
    return [
        *broken,
        *(unlike or [f"{stale}: run `catalog schemas write` to publish a new version"]),
    ]

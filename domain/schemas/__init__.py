"""The Avro contracts of the events: generated from the dataclasses, checked in, never broken.

A consumer that we do not know reads these topics, today or in ten years, from message zero. So the
contract is not whatever the code happens to write: each version ever published stays in this
folder (`<subject>/<EventName>/v<N>.avsc`), and a new one must read and be read by all of them
(`FULL_TRANSITIVE`). `generation` derives the schema from the code, `versions` loads what is
published, `compatibility` compares.
"""

from domain.schemas.check import contract_problems
from domain.schemas.compatibility import Incompatibility, incompatibilities
from domain.schemas.derivation import Schema, full_name, render, schema_of
from domain.schemas.versions import Contract, Version, contract_of, contracts

__all__ = [
    "Contract",
    "Incompatibility",
    "Schema",
    "Version",
    "contract_of",
    "contract_problems",
    "contracts",
    "full_name",
    "incompatibilities",
    "render",
    "schema_of",
]

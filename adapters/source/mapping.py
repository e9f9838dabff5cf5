"""A mapping made ready: its statement, and for each table it reads how its ids are found."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from adapters.source import affected, blocks
from adapters.source.blocks import DIALECT, Tables, Underivable, bare, folded
from adapters.source.definition import MappingFile
from domain.failures import Misconfigured

_UNSTEADY = frozenset(
    {
        "now",
        "transaction_timestamp",
        "statement_timestamp",
        "clock_timestamp",
        "timeofday",
        "random",
        "gen_random_uuid",
        "uuidv4",
        "uuidv7",
        "nextval",
        "currval",
        "txid_current",
        "pg_current_xact_id",
    }
)
_UNSTEADY_NODES = (
    exp.CurrentDate,
    exp.CurrentTime,
    exp.CurrentTimestamp,
    exp.CurrentDatetime,
    exp.Rand,
    exp.Uuid,
)


@dataclass(frozen=True)
class MasterMapping:
    """One master table's SELECT over the replica, ready to be evaluated by difference."""

    master: str
    sql: str
    """The SELECT as the installation wrote it, without its semicolon."""
    reads: frozenset[str]
    """Tables of the source that it reads."""
    affected: Mapping[str, tuple[str, ...]]
    """Source table → SELECTs of affected ids; they read the changed rows (`affected.changed_name`)
    in its place. A table that is read and not here makes the mapping be evaluated whole."""
    underivable: Mapping[str, str]
    """Source table → why no SELECT could be derived, and none was given."""
    indexes: frozenset[tuple[str, str]]
    """(table, column) by which joins look."""
    id_index: tuple[str, str] | None
    """(table, expression) by which ids are looked up, where the id is of one table."""

    every: float | None = None
    """Seconds between two whole evaluations at least, where changes ask for them."""

    @property
    def fingerprint(self) -> str:
        """Differs where the mapping does."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def prepare(file: MappingFile, tables: Tables) -> MasterMapping:
    """Analyse a mapping over the tables (and their columns) of its source.

    Raises Misconfigured where it can't be a mapping at all.
    """
    name = f"{file.master}.sql"
    query = blocks.parse(file.text, name)
    _refuse_unsteady(query, name)
    reads = _reads(query, tables, name)
    found: dict[str, tuple[str, ...]] = {}
    underivable: dict[str, str] = {}
    for table in sorted(reads):
        if table in file.whole:
            continue
        if (hint := file.affects.get(table)) is not None:
            of_hint = f"affects.{file.master}.{table}"
            parsed = blocks.parse(hint, of_hint)
            known = {**tables, affected.CHANGED: tables[table]}
            if affected.CHANGED not in _reads(parsed, known, of_hint):
                raise Misconfigured(
                    f"{of_hint} must read the changed rows of {table}, which it calls"
                    f" {affected.CHANGED}: SELECT id FROM {affected.CHANGED} JOIN …"
                )
            found[table] = (affected.hinted(parsed, table),)
            continue
        try:
            found[table] = tuple(affected.statements(query, table, tables))
        except Underivable as reason:
            underivable[table] = str(reason)
    return MasterMapping(
        master=file.master,
        sql=bare(file.text),
        reads=reads,
        affected=found,
        underivable=underivable,
        indexes=frozenset(_looked_at(query, tables)),
        id_index=_id_index(query, tables),
        every=file.every,
    )


def _reads(query: exp.Query, tables: Tables, name: str) -> frozenset[str]:
    for node in query.find_all(exp.Table):
        if node.db:
            raise Misconfigured(f"{name}: write {node.name} without its schema")
    reads = blocks.tables_read(query)
    if unknown := reads - tables.keys():
        raise Misconfigured(
            f"{name} reads {sorted(unknown)[0]}, which source.toml doesn't name under tables"
        )
    return reads


def _refuse_unsteady(query: exp.Query, name: str) -> None:
    """The same rows must make the same answer, whenever it is asked."""
    for node in query.walk():
        called = node.name.lower() if isinstance(node, exp.Anonymous) else ""
        if isinstance(node, _UNSTEADY_NODES) or called in _UNSTEADY:
            raise Misconfigured(
                f"{name}: {node.sql(DIALECT)} differs each time it is asked; a mapping may depend"
                " on nothing but rows"
            )


def _looked_at(query: exp.Query, tables: Tables) -> set[tuple[str, str]]:
    """Columns that are compared with other columns: the replica has an index on each."""
    named: dict[str, set[str]] = {}
    for node in query.find_all(exp.Table):
        table = blocks.table_name(node)
        if table is not None:
            alias = node.args.get("alias")
            named.setdefault(folded(alias.this) if alias else table, set()).add(table)
    found = set()
    for equal in query.find_all(exp.EQ):
        for column in (equal.left, equal.right):
            if isinstance(column, exp.Column):
                of = named.get(folded(column.args["table"])) if column.table else None
                for table in of if of is not None else set().union(*named.values()):
                    found.add((table, folded(column.this)))
    for join in query.find_all(exp.Join):
        for used in join.args.get("using") or ():
            found |= {(table, folded(used)) for table in set().union(*named.values())}
    return {(table, column) for table, column in found if column in tables[table]}


def _id_index(query: exp.Query, tables: Tables) -> tuple[str, str] | None:
    try:
        selects = list(blocks.branches(query))
        if len(selects) != 1:
            return None
        block = blocks.block_of(selects[0], tables)
        names = blocks.output_names(query, tables)
        item = blocks.output(block, names.index("id"), "id", tables).copy()
        owners = [r for r in block.relations if r.alias in block.owners(item)]
    except (Underivable, ValueError):
        return None
    if len(owners) != 1 or (table := blocks.table_name(owners[0].node)) is None:
        return None
    if item.find(exp.Query, exp.AggFunc, exp.Window):
        return None
    for column in item.find_all(exp.Column):
        column.set("table", None)
    return table, exp.cast(item, "text").sql(DIALECT)

"""What a SELECT is made of, as far as keeping its answer up to date needs to know.

A block is one SELECT with its relations. A relation is *monotone* where the block's rows are its
rows joined with others: more of its rows never make fewer of the block's. Relations joined by LEFT
JOIN, grouped, limited or looked at through another such relation are not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot import TokenType, exp
from sqlglot.errors import SqlglotError

from domain.failures import Misconfigured

DIALECT = "postgres"

Tables = Mapping[str, Sequence[str]]
"""Table of the source → its columns."""


class Underivable(Exception):
    """Which rows a change affects can't be read from the statement; the message says why."""


@dataclass(frozen=True)
class Relation:
    """One member of a FROM clause."""

    alias: str
    node: exp.Expr
    """A table, a subquery, a lateral subquery or a function."""
    join: exp.Join | None
    """How it is joined; None for the first."""
    columns: frozenset[str]
    """Names that it offers, as far as known."""
    needs: frozenset[str]
    """Aliases of the relations before it that its condition or its body names."""
    is_monotone: bool


@dataclass(frozen=True)
class Block:
    """One SELECT."""

    select: exp.Select
    relations: tuple[Relation, ...]

    def monotone(self) -> frozenset[str]:
        return frozenset(r.alias for r in self.relations if r.is_monotone)

    def owners(self, node: exp.Expr) -> frozenset[str]:
        """Aliases of this block's relations that an expression names, subqueries included."""
        return owners_of(node, self.relations)


def parse(text: str, name: str) -> exp.Query:
    """One SELECT (or UNION of such) of a file, its CTEs put in place.

    Raises Misconfigured.
    """
    try:
        parsed = sqlglot.parse(text, dialect=DIALECT)
    except SqlglotError as error:
        raise Misconfigured(f"{name} can't be parsed: {str(error).splitlines()[0]}") from error
    statements = [s for s in parsed if s is not None and not isinstance(s, exp.Semicolon)]
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise Misconfigured(f"{name} must hold one SELECT and nothing else")
    return inline(statements[0])


def bare(text: str) -> str:
    """A statement without its last semicolon and what follows, so that it can be a subquery."""
    for token in sqlglot.tokenize(text, dialect=DIALECT):
        if token.token_type is TokenType.SEMICOLON:
            return text[: token.start]
    return text


def inline(query: exp.Query) -> exp.Query:
    """The query with each CTE in the place of its name. Recursive ones stay as they are."""
    query = query.copy()
    for holder in [node for node in query.walk() if node.args.get("with_")]:
        with_ = holder.args["with_"]
        if with_.args.get("recursive"):
            continue
        bodies: dict[str, exp.Query] = {}
        for cte in with_.expressions:
            if cte.args["alias"].columns:
                raise Misconfigured(f"WITH {cte.alias}: name the columns inside its SELECT")
            _replace(cte.this, bodies)
            bodies[folded(cte.args["alias"].this)] = cte.this
        holder.set("with_", None)
        _replace(holder, bodies)
    return query


def _replace(query: exp.Expr, bodies: Mapping[str, exp.Query]) -> None:
    for table in list(query.find_all(exp.Table)):
        if isinstance(table.this, exp.Identifier) and not table.db:
            name = folded(table.this)
            if (body := bodies.get(name)) is not None:
                alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(name))
                table.replace(
                    exp.Subquery(
                        this=body.copy(), alias=alias.copy(), joins=table.args.get("joins")
                    )
                )


def folded(identifier: exp.Expr) -> str:
    """A name as PostgreSQL takes it: lower case unless quoted."""
    name = identifier.name
    return name if identifier.args.get("quoted") else name.lower()


def table_name(node: exp.Expr) -> str | None:
    """Name of the source's table that a node reads; None where it is no plain table."""
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
        return folded(node.this)
    return None


def tables_read(query: exp.Expr) -> frozenset[str]:
    """Names of all tables that a query reads."""
    return frozenset(name for t in query.find_all(exp.Table) if (name := table_name(t)))


def branches(query: exp.Expr) -> Iterator[exp.Select]:
    """The SELECTs of a query; several where it is a UNION, INTERSECT or EXCEPT."""
    if isinstance(query, exp.Subquery):
        if query.args.get("joins"):
            raise Underivable("joins in parentheses")
        yield from branches(query.this)
    elif isinstance(query, exp.SetOperation):
        if query.args.get("limit") or query.args.get("offset"):
            raise Underivable("LIMIT")
        yield from branches(query.left)
        yield from branches(query.right)
    elif isinstance(query, exp.Select):
        if query.args.get("with_"):
            raise Underivable("WITH RECURSIVE")
        yield query
    else:
        raise Underivable(f"{query.key} in the place of a SELECT")


def block_of(select: exp.Select, tables: Tables) -> Block:
    """The relations of a SELECT. Raises Underivable."""
    if select.args.get("laterals"):
        raise Underivable("LATERAL VIEW")
    relations: list[Relation] = []
    from_ = select.args.get("from_")
    members: list[tuple[exp.Expr, exp.Join | None]] = []
    if from_ is not None:
        members.append((from_.this, None))
    members += [(join.this, join) for join in select.args.get("joins") or ()]
    for node, join in members:
        relations.append(_relation(node, join, relations, tables))
        if len({r.alias for r in relations}) < len(relations):
            raise Underivable(f"two relations are called {relations[-1].alias}")
    return Block(select, tuple(relations))


def _relation(
    node: exp.Expr, join: exp.Join | None, before: Sequence[Relation], tables: Tables
) -> Relation:
    if join is not None and (join.side in ("RIGHT", "FULL") or join.method):
        raise Underivable(f"{join.method or join.side} JOIN")
    if node.args.get("joins") or (isinstance(node, exp.Table) and node.args.get("sample")):
        raise Underivable("joins in parentheses, or TABLESAMPLE")
    body = _body(node)
    if isinstance(body, exp.Table):
        raise Underivable("joins in parentheses")
    alias = _alias(node)
    name = table_name(node)
    columns = frozenset(tables.get(name, ()) if name else output_names(body, tables))
    itself = Relation(alias, node, join, columns, frozenset(), True)
    condition = None if join is None else join.args.get("on")
    if condition is not None and condition.find(exp.Query):
        raise Underivable("a subquery in a JOIN's condition")
    needs: set[str] = set()
    if condition is not None:
        needs |= owners_of(condition, (*before, itself))
    for used in [] if join is None else join.args.get("using") or ():
        needs |= {r.alias for r in before if folded(used) in r.columns or not r.columns}
    if name is None:
        needs |= owners_of(node, before)
    needs.discard(alias)
    is_monotone = (
        (join is None or join.side != "LEFT")
        and all(r.is_monotone for r in before if r.alias in needs)
        and (body is None or is_monotone_query(body, tables))
    )
    return Relation(alias, node, join, columns, frozenset(needs), is_monotone)


def _alias(node: exp.Expr) -> str:
    alias = node.args.get("alias")
    if alias is not None and alias.this is not None:
        return folded(alias.this)
    name = table_name(node)
    if name is None:
        raise Underivable(f"{node.sql(DIALECT)} needs a name: AS …")
    return name


def _body(node: exp.Expr) -> exp.Expr | None:
    """The SELECT within a relation; None for tables and functions."""
    inner = node.this if isinstance(node, exp.Lateral) else node
    if isinstance(inner, exp.Subquery):
        alias = node.args.get("alias")
        if alias is not None and alias.columns:
            raise Underivable("columns named in an alias: name them inside the SELECT")
        return inner.this if not isinstance(inner.this, exp.Subquery) else _body(inner.this)
    return None


def body_of(relation: Relation) -> exp.Expr | None:
    """The SELECT within a relation; None for tables and functions."""
    return _body(relation.node)


def is_monotone_query(query: exp.Expr, tables: Tables) -> bool:
    """Whether each row of a query comes of rows of its tables, whatever else there is."""
    for select in branches(query):
        block = block_of(select, tables)
        if not all(r.is_monotone for r in block.relations):
            return False
        if any(select.args.get(k) for k in ("group", "having", "limit", "offset", "distinct")):
            return False
        parts = (*select.expressions, select.args.get("where"), *_conditions(block))
        if any(p is not None and p.find(exp.Query, exp.AggFunc, exp.Window) for p in parts):
            return False
    return not any(isinstance(q, exp.Except | exp.Intersect) for q in query.walk())


def _conditions(block: Block) -> list[exp.Expr]:
    joins = [r.join for r in block.relations if r.join is not None]
    return [on for join in joins if (on := join.args.get("on")) is not None]


def owners_of(node: exp.Expr, relations: Sequence[Relation]) -> frozenset[str]:
    """Aliases of the relations that an expression may name.

    A name without a table may be of each relation that has such a column, or whose columns aren't
    known; inside a subquery this may be one too many, and never one too few.
    """
    found: set[str] = set()
    for column in node.find_all(exp.Column):
        if column.table:
            alias = folded(column.args["table"])
            found |= {r.alias for r in relations if r.alias == alias}
        elif isinstance(column.this, exp.Star):
            found |= {r.alias for r in relations}
        else:
            name = folded(column.this)
            known = {r.alias for r in relations if name in r.columns or name == r.alias}
            found |= known or {r.alias for r in relations if not r.columns}
    if isinstance(node, exp.Star):
        found |= {r.alias for r in relations}
    return frozenset(found)


def output_names(query: exp.Expr | None, tables: Tables) -> list[str]:
    """Names of a query's columns in order; none where they can't be told."""
    if query is None:
        return []
    select = next(branches(query))
    names: list[str] = []
    block = block_of(select, tables)
    for item in select.expressions:
        stars = _star(item, block)
        if stars is None:
            names.append(output_name(item))
        else:
            for relation in stars:
                if not relation.columns:
                    return []
                names += _ordered(relation, tables)
    return names


def _ordered(relation: Relation, tables: Tables) -> list[str]:
    name = table_name(relation.node)
    return list(tables[name]) if name else output_names(body_of(relation), tables)


def _star(item: exp.Expr, block: Block) -> list[Relation] | None:
    if isinstance(item, exp.Star):
        return list(block.relations)
    if isinstance(item, exp.Column) and isinstance(item.this, exp.Star):
        alias = folded(item.args["table"])
        return [r for r in block.relations if r.alias == alias]
    return None


def output_name(item: exp.Expr) -> str:
    """Name of a column of the answer."""
    if isinstance(item, exp.Alias):
        return folded(item.args["alias"])
    if isinstance(item, exp.Column):
        return folded(item.this)
    if isinstance(item, exp.Cast):
        return output_name(item.this)
    return "?column?"


def output(block: Block, position: int, name: str, tables: Tables) -> exp.Expr:
    """The expression of a column of the answer, by its position. Raises Underivable."""
    at = 0
    for item in block.select.expressions:
        stars = _star(item, block)
        if stars is None:
            if at == position:
                found: exp.Expr = item.unalias()
                return found
            at += 1
            continue
        for relation in stars:
            names = _ordered(relation, tables)
            if not names:
                raise Underivable(f"* of {relation.alias}, whose columns aren't known")
            if position < at + len(names):
                return exp.column(
                    exp.to_identifier(names[position - at], quoted=True),
                    table=exp.to_identifier(relation.alias, quoted=True),
                )
            at += len(names)
    raise Underivable(f"it has no column {name}")

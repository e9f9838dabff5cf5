"""Which ids of a mapping a changed row of a table affects, derived from the mapping's SELECT.

For each place in which the SELECT reads the table, a statement is made that answers ids. In it the
table's name is replaced by its changed rows. It is asked twice a batch: with the rows as they were
before the batch is applied, and with the rows as they are after.

Why this finds every id (for the SELECTs that are taken; others are refused as `Underivable`):
let *s* be the part of an output row's making that comes of monotone relations. The id must be a
function of *s*. Where *s* itself comes or goes, one of its rows did: the row is in the table's old
rows and *s* is found among the old state, or in the new rows and the new state. Where *s* stays
and what hangs on it changes (outer joins, lateral and scalar subqueries, grouped subqueries), take
the first such relation whose rows for *s* differ: what stands before it is the same in both
states, and the row that differs is among the changed ones of one of them. So it is found by
joining the changed rows there, without the conditions and relations that come after. Grouped
answers change with the rows of their group, and the id is the same for all of a group.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlglot import exp

from adapters.source import blocks
from adapters.source.blocks import DIALECT, Block, Relation, Tables, Underivable, folded
from adapters.source.replaced import statement_of

PREFIX = "__changed__"
CHANGED = "changed"
"""What a hint calls the changed rows of its table."""


def changed_name(table: str) -> str:
    """The temporary table that holds the changed rows of a table."""
    return f"{PREFIX}{table}"


def statements(query: exp.Query, table: str, tables: Tables) -> list[str]:
    """SELECTs of the ids (text) that changed rows of a table affect. Raises Underivable."""
    found = []
    names = blocks.output_names(query, tables)
    if "id" not in names:
        raise Underivable("it has no column id")
    for select in _changed(query, table, tables, ["id"]):
        item = select.expressions[0]
        select.set("expressions", [exp.cast(item.unalias(), "text").as_("id")])
        found.append(select.sql(DIALECT))
    return list(dict.fromkeys(found))


def hinted(query: exp.Query, table: str) -> str:
    """A hint's statement for a table: it names the changed rows `changed`."""
    found = query.copy()
    for node in list(found.find_all(exp.Table)):
        if blocks.table_name(node) == CHANGED:
            node.replace(_renamed(node, table, CHANGED))
    return found.sql(DIALECT)


def _changed(
    query: exp.Expr, table: str, tables: Tables, names: Sequence[str]
) -> Iterator[exp.Select]:
    """SELECTs of `names` (of 1 where there are none) of the rows that a change may reach."""
    positions = {}
    if names:
        outputs = blocks.output_names(query, tables)
        for name in names:
            if outputs.count(name) != 1:
                raise Underivable(f"a column {name} of a subquery can't be told")
            positions[name] = outputs.index(name)
    for select in blocks.branches(query):
        if table in blocks.tables_read(select):
            block = blocks.block_of(select, tables)
            items = [
                _constant_within(block, blocks.output(block, at, name, tables)).as_(
                    name, quoted=True
                )
                for name, at in positions.items()
            ]
            for changed in _changed_block(block, table, tables):
                changed.set("expressions", [i.copy() for i in items] or [exp.Literal.number(1)])
                yield changed


def _constant_within(block: Block, item: exp.Expr) -> exp.Expr:
    """A column by which rows of the answer that depend on each other are the same.

    Raises Underivable where the answer's rows with one value of it depend on other rows.
    """
    select = block.select
    shown = item.sql(DIALECT)
    if select.args.get("limit") or select.args.get("offset"):
        raise Underivable("LIMIT or OFFSET")
    if item.find(exp.Query, exp.AggFunc, exp.Window):
        raise Underivable(f"{shown} is an aggregate, a window or a subquery")
    owners = block.owners(item)
    if not owners <= block.monotone():
        loose = ", ".join(sorted(owners - block.monotone()))
        raise Underivable(
            f"{shown} depends on {loose}, which is an outer join or a grouped subquery"
        )
    if any(isinstance(f, exp.ExplodingGenerateSeries | exp.Explode) for f in item.walk()):
        raise Underivable(f"{shown} makes several rows")
    group = select.args.get("group")
    if group is not None and any(
        isinstance(g, exp.Rollup | exp.Cube | exp.GroupingSets) for g in group.walk()
    ):
        raise Underivable("ROLLUP, CUBE or GROUPING SETS")
    for window in (w for part in select.expressions for w in part.find_all(exp.Window)):
        parts = window.args.get("partition_by") or []
        if window.args.get("alias") or not _determined(item, parts):
            raise Underivable(f"a window that isn't partitioned by {shown}")
    distinct = select.args.get("distinct")
    on = None if distinct is None else distinct.args.get("on")
    if on is not None and not _determined(item, on.expressions if on.expressions else [on]):
        raise Underivable(f"DISTINCT ON something else than {shown}")
    return item


def _determined(item: exp.Expr, by: Sequence[exp.Expr]) -> bool:
    """Whether an expression is the same wherever `by` is the same."""
    bare = [b.this if isinstance(b, exp.Paren) else b for b in by]
    columns = list(item.find_all(exp.Column))
    return item in bare or (bool(columns) and all(c in bare for c in columns))


def _changed_block(block: Block, table: str, tables: Tables) -> Iterator[exp.Select]:
    for relation in block.relations:
        if table not in blocks.tables_read(relation.node):
            continue
        body = blocks.body_of(relation)
        if relation.is_monotone:
            for node in _replaced(relation, table, tables):
                yield statement_of(block, [], {relation.alias: node})
        elif body is not None and isinstance(relation.node, exp.Lateral):
            for inner in _changed(body, table, tables, []):
                yield statement_of(block, relation.needs, {}, exp.Exists(this=inner))
        else:
            for node in _loosely_replaced(block, relation, table, tables):
                yield statement_of(block, relation.needs, {relation.alias: node})
    yield from _changed_subqueries(block, table, tables)


def _changed_subqueries(block: Block, table: str, tables: Tables) -> Iterator[exp.Select]:
    """Through the subqueries that stand in expressions: EXISTS, IN, scalar ones."""
    select = block.select
    parts = [*select.expressions]
    for part in ("where", "group", "having", "order", "distinct", "windows", "qualify"):
        held = select.args.get(part)
        parts += held if isinstance(held, list) else [held] if held is not None else []
    for part in parts:
        for query in _outermost(part):
            if table in blocks.tables_read(query):
                if query.args.get("with_"):
                    raise Underivable("WITH RECURSIVE")
                needs = block.owners(_holder(query) if _is_in(query) else query)
                for met in _met_by(query, table, tables):
                    yield statement_of(block, needs, {}, met)


def _is_in(query: exp.Expr) -> bool:
    """Whether a query is the list of `x IN (SELECT …)`, for one value x."""
    holder = _holder(query)
    if not isinstance(holder, exp.In) or isinstance(holder.this, exp.Tuple):
        return False
    listed = holder.args.get("query")
    return (listed.unnest() if isinstance(listed, exp.Subquery) else listed) is query


def _holder(query: exp.Expr) -> exp.Expr:
    holder = query.parent
    while isinstance(holder, exp.Subquery):
        holder = holder.parent
    return query if holder is None else holder


def _met_by(query: exp.Expr, table: str, tables: Tables) -> Iterator[exp.Expr]:
    """Conditions under which a subquery's changed rows may concern the row outside."""
    holder = _holder(query)
    if _is_in(query):
        name = next(iter(blocks.output_names(query, tables)), "")
        try:
            changed = list(_changed(query, table, tables, [name]))
        except Underivable:
            changed = []
        for inner in changed:
            inner.expressions[0].replace(inner.expressions[0].unalias().as_("__value"))
            value = exp.column("__value", table="__in")
            # NOT IN minds nulls, wherever they come from
            same = exp.or_(exp.EQ(this=value, expression=holder.this.copy()), value.is_(exp.null()))
            listed = exp.select("1").from_(inner.subquery("__in")).where(same)
            yield exp.Exists(this=listed)
        if changed:
            return
    for inner in _changed(query, table, tables, []):
        yield exp.Exists(this=inner)


def _outermost(part: exp.Expr) -> Iterator[exp.Expr]:
    """The subqueries in an expression that lie in no other one."""
    stack = [part]
    while stack:
        node = stack.pop()
        if isinstance(node, exp.Subquery):
            stack.append(node.this)
        elif isinstance(node, exp.Query):
            yield node
        else:
            stack.extend(node.iter_expressions())


def _replaced(relation: Relation, table: str, tables: Tables) -> Iterator[exp.Expr]:
    """A monotone relation with changed rows in the place of the table, a place at a time."""
    body = blocks.body_of(relation)
    if body is None:
        yield _renamed(relation.node, table)
        return
    for select in blocks.branches(body):
        inner = blocks.block_of(select, tables)
        names = blocks.output_names(body, tables)
        for member in inner.relations:
            if table in blocks.tables_read(member.node):
                for node in _replaced(member, table, tables):
                    changed = _with_relation(select, inner, member, node)
                    for item, name in zip(changed.expressions, names, strict=False):
                        if len(names) == len(changed.expressions) and not item.is_star:
                            item.replace(item.unalias().as_(name, quoted=True))
                    yield _as_relation(relation, changed)


def _with_relation(
    select: exp.Select, block: Block, member: Relation, node: exp.Expr
) -> exp.Select:
    changed = select.copy()
    at = block.relations.index(member)
    if at == 0:
        changed.args["from_"].set("this", node)
    else:
        changed.args["joins"][at - 1].set("this", node)
    return changed


def _loosely_replaced(
    block: Block, relation: Relation, table: str, tables: Tables
) -> Iterator[exp.Expr]:
    """The changed rows of a relation that isn't monotone: only columns that its join looks at."""
    body = blocks.body_of(relation)
    if body is None:
        yield _renamed(relation.node, table)
        return
    join = relation.join
    names: set[str] = set()
    if join is not None:
        names |= {folded(used) for used in join.args.get("using") or ()}
        condition = join.args.get("on")
        for column in () if condition is None else condition.find_all(exp.Column):
            if relation.alias in block.owners(column):
                names.add(folded(column.this))
    for changed in _changed(body, table, tables, sorted(names)):
        yield _as_relation(relation, changed)


def _as_relation(relation: Relation, body: exp.Expr) -> exp.Expr:
    alias = exp.TableAlias(this=exp.to_identifier(relation.alias, quoted=True))
    subquery = exp.Subquery(this=body, alias=alias)
    if isinstance(relation.node, exp.Lateral):
        subquery.set("alias", None)
        return exp.Lateral(this=subquery, alias=alias)
    return subquery


def _renamed(node: exp.Expr, table: str, name: str | None = None) -> exp.Table:
    alias = node.args.get("alias")
    return exp.Table(
        this=exp.to_identifier(changed_name(table), quoted=True),
        alias=alias.copy()
        if alias is not None
        else exp.TableAlias(this=exp.to_identifier(name or table, quoted=True)),
    )

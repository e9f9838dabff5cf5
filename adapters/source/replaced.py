"""The statement that finds rows by one of a SELECT's relations being replaced."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from adapters.source.blocks import Block, Underivable


def statement_of(
    block: Block,
    needs: Sequence[str] | frozenset[str],
    replaced: dict[str, exp.Expr],
    also: exp.Expr | None = None,
) -> exp.Select:
    """All monotone relations, of the others those that are needed, and what stands in their place.

    The others are joined so that they take no row away, except for the replaced one.
    """
    kept = set(block.monotone()) | set(replaced) | _closure(block, needs)
    changed = exp.Select()
    joins = []
    for relation in block.relations:
        if relation.alias not in kept:
            continue
        node = (replaced.get(relation.alias) or relation.node).copy()
        if relation.join is None or "from_" not in changed.args:
            changed.set("from_", exp.From(this=node))
            if relation.join is not None and (
                relation.join.args.get("on") is not None or relation.join.args.get("using")
            ):
                raise Underivable("it begins with an outer join or a grouped subquery")
            continue
        join = relation.join.copy()
        join.set("this", node)
        if relation.alias in replaced:
            join.set("side", None)
        elif not relation.is_monotone and join.side != "LEFT":
            join.set("side", "LEFT")
            join.set("kind", None)
            if join.args.get("on") is None and not join.args.get("using"):
                join.set("on", exp.true())
        if (
            join.args.get("on") is None
            and not join.args.get("using")
            and relation.alias in replaced
        ):
            join.set("kind", None)
            join.set("on", exp.true())
        joins.append(join)
    if joins:
        changed.set("joins", joins)
    conditions = [c.copy() for c in _conjuncts(block) if _is_monotone(block, c)]
    if also is not None:
        conditions.append(also)
    if conditions:
        changed.set("where", exp.Where(this=exp.and_(*conditions)))
    return changed


def _closure(block: Block, needs: Sequence[str] | frozenset[str]) -> set[str]:
    """The relations that are needed, and those that these need."""
    found: set[str] = set()
    waiting = set(needs)
    for relation in reversed(block.relations):
        if relation.alias in waiting:
            found.add(relation.alias)
            waiting |= relation.needs
    return found


def _conjuncts(block: Block) -> list[exp.Expr]:
    where = block.select.args.get("where")
    return (
        []
        if where is None
        else list(where.this.flatten())
        if isinstance(where.this, exp.And)
        else [where.this]
    )


def _is_monotone(block: Block, condition: exp.Expr) -> bool:
    return not condition.find(exp.Query) and block.owners(condition) <= block.monotone()

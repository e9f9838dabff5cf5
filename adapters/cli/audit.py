"""`catalog audit`, `recapture`: the event log held against the master catalog, and made right."""

import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from time import monotonic, sleep
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.failures import Unhealthy, WrongUsage

if TYPE_CHECKING:
    import psycopg

    from projections.audit.audit import AuditContext, Difference, TableAudit
    from projections.audit.healing import Healed, Healer

_SHOWN = 20
_REPORT_SECONDS = 5.0

Tables = Annotated[
    list[str] | None, typer.Argument(metavar="TABLE", help="Master tables. Default: all.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(audit)
    app.command()(recapture)


def audit(
    tables: Tables = None,
    heal: Annotated[
        bool,
        typer.Option(
            "--heal", help="Make right what differs, through the log, and look at it again."
        ),
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the last audit, which was stopped.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Every difference, and what was healed, as JSON.")
    ] = False,
) -> None:
    """Compare the master catalog with the event log.

    Every row of the master is compared with what the log says of it. Changes may arrive
    meanwhile. Differences are rows that the log lacks (missing), that only the log has (ghost) or
    of which it says something else (stale, with the fields). Exit 3 where there are any. `catalog
    verify` compares the log with the read catalog.
    """
    from adapters.composition.auditing import audit_context, audited_tables, healer
    from adapters.composition.clients import require_brokers
    from adapters.composition.databases import read_connection
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings
    from adapters.read_database import audits

    settings = load_settings()
    endpoints = resolve_endpoints(settings, ("kafka", "registry", "master", "read"))
    chosen = audited_tables(tables or [])
    require_brokers(endpoints)
    found: list[TableAudit] = []
    healed: dict[str, Sequence[Difference]] = {}
    with (
        audit_context(settings, endpoints, _progress()) as context,
        read_connection(endpoints.read_dsn, "audit") as kept,
    ):
        number, left = _taken_up(kept, chosen) if resume else (audits.begin(kept, chosen), chosen)
        for table in left:
            found.append(_audited(context, table, as_json=as_json))
            audits.note(kept, number, found[-1])
        if heal and not all(one.is_clean for one in found):
            healed = {one.table: one.differences for one in found}
            with healer(settings, endpoints) as cure:
                found = _healed(context, cure, found, as_json=as_json)
            for one in found:
                audits.note(kept, number, one)
        audits.finish(kept, number)
    if as_json:
        print(json.dumps([_as_dict(one, healed.get(one.table, ())) for one in found]))
    if unclean := [one.table for one in found if not one.is_clean]:
        cure_text = "" if heal else "; `catalog audit --heal` makes them right through the log"
        raise Unhealthy(f"the log differs from the master in {', '.join(unclean)}{cure_text}")


def _taken_up(connection: "psycopg.Connection[Any]", chosen: list[str]) -> tuple[int, list[str]]:
    """The audit that was stopped, and the tables that it has not found clean yet."""
    from adapters.read_database import audits

    before = audits.unfinished(connection)
    if before is None:
        raise WrongUsage("no audit was stopped: run it without --resume")
    number, left = before
    return number, [table for table in left if table in chosen]


def recapture(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="A master table.")],
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="Only these rows. Default: all.")
    ] = None,
) -> None:
    """Let capture take in a table again, or rows of it.

    The running connector is asked to. The rows come between the live changes, in the connector's
    own time. What is gone from the master isn't told so: `catalog audit --heal` finds and removes
    such rows.
    """
    from adapters.composition.auditing import audited_tables, healer
    from adapters.composition.clients import require_brokers
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings

    settings = load_settings()
    (chosen,) = audited_tables([table])
    endpoints = resolve_endpoints(settings, ("kafka", "registry"))
    require_brokers(endpoints)
    with healer(settings, endpoints) as cure:
        cure.recapture(chosen, ids or None)
    what = f"{len(ids)} rows of {chosen}" if ids else chosen
    print(f"asked the connector for {what}; `catalog status` shows them coming", file=sys.stderr)


def _audited(context: "AuditContext", table: str, *, as_json: bool) -> "TableAudit":
    from projections.audit.audit import audit_table

    began = monotonic()
    found = audit_table(context, table)
    if not as_json:
        _show(found, monotonic() - began)
    return found


def _healed(
    context: "AuditContext", cure: "Healer", found: "Sequence[TableAudit]", *, as_json: bool
) -> "list[TableAudit]":
    """Heal tables and look again at what differed; the others are as they were found."""
    from projections.audit.audit import look_again
    from projections.audit.healing import heal

    differing = [one for one in found if one.differences or one.uncounted]
    done = heal(context, cure, differing, datetime.now(UTC), _wait)
    again: dict[str, TableAudit] = {}
    for one, healed in zip(differing, done, strict=True):
        print(f"{one.table}: {_what_was_done(healed)}", file=sys.stderr)
        began = monotonic()
        again[one.table] = look_again(context, one)
        if not as_json:
            _show(again[one.table], monotonic() - began)
    return [again.get(one.table, one) for one in found]


def _wait(seconds: float) -> bool:
    sleep(seconds)
    return False


def _what_was_done(done: "Healed") -> str:
    text = f"{done.recaptured} rows taken in again, {done.removed} ghosts removed"
    if done.waiting:
        text += f"; still waiting for {len(done.waiting)}: {_some(done.waiting)}"
    if done.parked:
        text += (
            f"; {len(done.parked)} wait behind a parked change ({_some(done.parked)}): discard that"
            " (`catalog dead-letters list` has its number and reason), then `catalog dead-letters"
            " retry --all`"
        )
    return text


def _some(ids: Sequence[str]) -> str:
    return ", ".join(ids[:5]) + (" …" if len(ids) > 5 else "")


def _show(found: "TableAudit", seconds: float) -> None:
    state = "equal" if found.is_clean else f"{len(found.differences)} differences"
    if found.uncounted:
        state += f" and {found.uncounted:,} more"
    if found.unsettled:
        state += f", {found.unsettled} rows change all the time"
    print(
        f"{found.table}: {found.master_rows:,} rows, {found.events:,} events, {state}"
        f" ({seconds:.1f} s)"
    )
    for one in found.differences[:_SHOWN]:
        fields = f": {', '.join(one.fields)}" if one.fields else ""
        print(f"  {one.kind.value} {one.id}{fields}")
    if len(found.differences) > _SHOWN:
        print(f"  … and {len(found.differences) - _SHOWN:,} more: --json has all")
    for reason in found.reasons:
        print(f"  can't be translated: {reason}")


def _as_dict(found: "TableAudit", healed: "Sequence[Difference]") -> dict[str, object]:
    return {
        "table": found.table,
        "master_rows": found.master_rows,
        "events": found.events,
        "clean": found.is_clean,
        "differences": _as_dicts(found.differences),
        "healed": _as_dicts(healed),
        "uncounted": found.uncounted,
        "unsettled": found.unsettled,
        "unusable": found.unusable,
        "reasons": found.reasons,
    }


def _as_dicts(differences: "Sequence[Difference]") -> list[dict[str, object]]:
    return [
        {"kind": one.kind.value, "topic": one.topic, "id": one.id, "fields": one.fields}
        for one in differences
    ]


def _progress() -> Callable[[str, int], None]:
    """Says now and then how far an audit is."""
    last = monotonic()

    def report(table: str, rows: int) -> None:
        nonlocal last
        if monotonic() - last >= _REPORT_SECONDS:
            last = monotonic()
            print(f"{table}: {rows:,} rows and events read", file=sys.stderr)

    return report

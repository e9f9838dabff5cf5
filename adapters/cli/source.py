"""`catalog source …`: a foreign master, from its tables to the catalog."""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import structlog
import typer

from adapters.cli import tables
from adapters.cli.interruption import stopping
from domain.failures import Failure, Unhealthy

if TYPE_CHECKING:
    from adapters.composition.sources import Verified

log = structlog.get_logger("source")

AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]
Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="With source.toml and SELECTs.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Of an applied source.")]


def register(app: typer.Typer) -> None:
    """Add `source` to the command."""
    group = typer.Typer(no_args_is_help=True, help="Foreign masters: any schema, mapped in SQL.")
    for command in (init, check, preview, apply, run, status, verify, remove):
        group.command()(command)
    app.add_typer(group, name="source")


def init(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the source is called.")],
    folder: Annotated[
        Path | None, typer.Option(help="Where to write it.", show_default="NAME")
    ] = None,
    schema: Annotated[str, typer.Option(help="Schema of its tables.")] = "public",
    as_json: AsJson = False,
) -> None:
    """Write a folder with a first guess of a source's mapping.

    From the tables, keys and references of a live PostgreSQL database, whose address
    CATALOG_SOURCE__ADDRESS__NAME holds. It is a draft: correct it, then `catalog source check`.
    """
    from adapters.composition.settings import load_settings
    from adapters.composition.sources import initialise

    written = initialise(load_settings(), name, schema, folder or Path(name))
    if as_json:
        print(json.dumps({"files": [str(file) for file in written]}))
        return
    for file in written:
        print(file)
    print(f"next: correct them, then catalog source check {folder or name}", file=sys.stderr)


def check(folder: Folder, as_json: AsJson = False) -> None:
    """Say what is wrong with a source's folder, and what it costs.

    Nothing is touched. Exit code 1 where it can't be applied.
    """
    from adapters.composition import sources
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings

    settings = load_settings()
    _, source = sources.of_folder(folder)
    found = sources.check(settings, resolve_endpoints(settings, ("master",)), source)
    if as_json:
        print(json.dumps([asdict(finding) for finding in found]))
    else:
        order = ("error", "warning", "note")
        found.sort(key=lambda finding: order.index(finding.severity))
        if found:
            tables.show(("", "where", "what"), [(f.severity, f.where, f.text) for f in found])
    errors = sum(finding.severity == "error" for finding in found)
    if errors:
        raise Failure(f"{source.name} can't be applied: {errors} errors")
    print(f"{source.name} can be applied", file=sys.stderr)


def preview(
    folder: Folder,
    table: Annotated[
        list[str] | None, typer.Option(help="Master table; may be given several times.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Rows of each.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Show rows that the mappings give, and the events they would make.

    Nothing is touched: where the source isn't applied, its tables are read (100,000 rows of each).
    """
    from adapters.composition import sources
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings

    settings = load_settings()
    _, source = sources.of_folder(folder)
    endpoints = resolve_endpoints(settings, ("master",))
    found = sources.preview(settings, endpoints, source, table or [], limit)
    if as_json:
        shown = {master: [asdict(row) for row in rows] for master, rows in found.items()}
        print(json.dumps(shown, default=str))
        return
    for master, rows in found.items():
        print(f"{master}: {len(rows)} rows" if rows else f"{master}: no rows")
        for row in rows:
            said = ", ".join(f"{k}={v}" for k, v in row.row.items() if v is not None)
            print(f"  {said}\n    → {', '.join(row.events) or 'nothing new'}")


def apply(folder: Folder, as_json: AsJson = False) -> None:
    """Bring a source up, or what changed of its mapping.

    Replica, capture, first load; then it is live, and `catalog up` (or `catalog source run`)
    follows it. May be interrupted at any moment and run again: it goes on.
    """
    from adapters.composition import sources
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings

    settings = load_settings()
    files, source = sources.of_folder(folder)
    endpoints = resolve_endpoints(settings, ("master", "kafka", "connect"))
    done = sources.apply(settings, endpoints, files, source, _report())
    if as_json:
        print(
            json.dumps(
                {
                    "source": source.name,
                    "rows": done.rows,
                    "written": dict(done.written),
                    "unusable": done.unusable,
                }
            )
        )
        return
    print(f"{source.name} is live: {done.rows:,} rows taken in")
    for what, rows in sorted(done.written.items()):
        print(f"  {what}: {rows:,}")
    if done.unusable:
        print(f"  {done.unusable:,} rows can't be used: catalog source status {source.name}")


def run(name: Name) -> None:
    """Follow a live source: take its changes in as they come.

    Until it is told to stop (Ctrl-C, SIGTERM). It may be killed at any moment: started again it
    goes on at once, and no change is lost or taken in twice. `catalog up` does this by itself.
    """
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings
    from adapters.composition.source_following import follow
    from adapters.composition.workers import watched
    from adapters.telemetry.exposition import StopSignal

    settings = load_settings()
    endpoints = resolve_endpoints(settings, ("master", "kafka"))
    stop = StopSignal()
    with stopping(stop), watched(settings, stop, f"source-{name}"):
        follow(settings, endpoints, name, stop)


def status(
    name: Annotated[str | None, typer.Argument(metavar="NAME", show_default="all")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the applied sources and what stands in their way.

    Exit code 3 where one is stopped.
    """
    from adapters.composition import source_following
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings

    settings = load_settings()
    endpoints = resolve_endpoints(settings, ("master", "kafka", "connect"))
    found = source_following.status(settings, endpoints, name)
    if as_json:
        print(json.dumps([asdict(one) for one in found], default=str))
    elif not found:
        print("no source is applied")
    else:
        heads = (
            "source",
            "from",
            "topics",
            "state",
            "capture",
            "behind",
            "last change",
            "unusable",
        )
        rows: list[tuple[tables.Cell, ...]] = [
            (
                *(one.name, one.connector, one.topics, one.state, one.capture, one.lag),
                *(one.changed_at, sum(one.unusable.values())),
            )
            for one in found
        ]
        tables.show(heads, rows)
        for one in found:
            for master, rows_of in one.unusable.items():
                print(f"{one.name}: {rows_of:,} rows of {master} can't be used")
            if not one.is_exactly_once:
                print(f"{one.name}: exactly_once = false: changes may come twice")
    if stopped := [one for one in found if one.reason is not None]:
        raise Unhealthy("; ".join(f"{one.name}: {one.reason}" for one in stopped))


def verify(name: Name, as_json: AsJson = False) -> None:
    """Compare a whole evaluation with the master tables.

    And its replica with the source's own tables, where they can be reached. Exit code 3 where
    something differs.
    """
    from adapters.composition import sources
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings

    settings = load_settings()
    found = sources.verify(settings, resolve_endpoints(settings, ("master",)), name)
    if as_json:
        print(json.dumps(asdict(found)))
    else:
        _show_verified(found)
    if found.disagreements or found.replica:
        raise Unhealthy(f"{name} differs")


def _show_verified(found: "Verified") -> None:
    for one in found.disagreements:
        kinds = (("missing", one.missing), ("differing", one.differing), ("surplus", one.surplus))
        named = "; ".join(f"{kind} {', '.join(ids)}" for kind, ids in kinds if ids)
        print(f"{one.master}: {one.count:,} rows differ: {named}")
    for table, rows in found.replica.items():
        print(f"{table}: some of {rows:,} rows differ from the source's own")
    if not found.disagreements:
        print("the master tables say what the mappings give")
    if not found.is_compared:
        print("the source's own tables weren't asked")
    elif not found.replica:
        print("the replica says what the source says")


def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take a source away: its capture, topics, rows and replica."""
    from adapters.composition import sources
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings

    if not yes:
        typer.confirm(f"Remove {name}, and all that came of it?", abort=True, err=True)
    settings = load_settings()
    endpoints = resolve_endpoints(settings, ("master", "kafka", "connect"))
    written = sources.remove(settings, endpoints, name, _report())
    if as_json:
        print(json.dumps({"source": name, "written": dict(written)}))
        return
    print(f"{name} is removed")
    for what, rows in sorted(written.items()):
        print(f"  {what}: {rows:,}")


def _report() -> Callable[[str], None]:
    return lambda line: print(line, file=sys.stderr, flush=True)

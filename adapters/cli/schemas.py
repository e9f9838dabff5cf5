"""`catalog schemas`: the contracts in the code, in this project's files, and in the registry."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adapters.cli import tables
from domain.failures import Failure, Unhealthy, WrongUsage

if TYPE_CHECKING:
    from adapters.event_log.registry import Registry
    from domain.schemas import Contract

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add `schemas` and its commands."""
    schemas = typer.Typer(no_args_is_help=True, help="Check, publish and show the Avro contracts.")
    schemas.command()(check)
    schemas.command("register")(register_all)
    schemas.command("list")(show_all)
    schemas.command()(show)
    schemas.command()(write)
    app.add_typer(schemas, name="schemas")


def check(
    registered: Annotated[
        bool, typer.Option("--registered", help="Also that the registry holds every version.")
    ] = False,
) -> None:
    """Compare the code with every version ever checked in.

    All must read each other. Exit code 1 names each field that breaks a contract and why; 3 what
    the registry lacks.
    """
    from domain.schemas import contract_problems, contracts

    found = [problem for contract in contracts() for problem in contract_problems(contract)]
    if found:
        raise Failure("\n  ".join([f"{len(found)} problems:", *found]))
    if registered:
        with _registry() as registry:
            missing = [one for c in contracts() for one in registry.registration(c).problems]
        if missing:
            raise Unhealthy("\n  ".join([f"{len(missing)} problems in the registry:", *missing]))
    versions = sum(len(contract.versions) for contract in contracts())
    print(f"{len(contracts())} contracts in {versions} versions are whole")


def register_all(as_json: AsJson = False) -> None:
    """Register every checked-in version; set FULL_TRANSITIVE."""
    from domain.schemas import contracts

    with _registry() as registry:
        registrations = [registry.register(contract) for contract in contracts()]
    _print_registrations(registrations, as_json=as_json)


def show_all(as_json: AsJson = False) -> None:
    """List the contracts and what the registry holds of them."""
    from domain.schemas import contracts

    with _registry() as registry:
        registrations = [registry.registration(contract) for contract in contracts()]
    _print_registrations(registrations, as_json=as_json)


def show(
    name: Annotated[str, typer.Argument(help="TrackAdded, or catalog.track.TrackAdded.")],
    version: Annotated[int | None, typer.Option(help="Default: the newest.")] = None,
    registered: Annotated[
        bool, typer.Option("--registered", help="As the registry has it, not as checked in.")
    ] = False,
) -> None:
    """Print one schema."""
    from domain.schemas import render

    contract = _named(name)
    number = version or len(contract.versions)
    if registered:
        with _registry() as registry:
            text = registry.registered_text(contract.name, number)
    else:
        text = next((v.text for v in contract.versions if v.number == number), None)
    if text is None:
        raise WrongUsage(f"{contract.name} has no version {number}")
    print(render(json.loads(text)), end="")


def write(
    replace_newest: Annotated[
        bool,
        typer.Option(
            "--replace-newest",
            help="Write over the newest version instead: only while nobody has registered it.",
        ),
    ] = False,
) -> None:
    """Write a new version of each contract that changed.

    It goes into domain/schemas, to be checked in.
    """
    from domain.schemas import contracts, incompatibilities, render, schema_of

    written: dict[Path, str] = {}
    broken: list[str] = []
    for contract in contracts():
        schema = schema_of(contract.event_type)
        if contract.versions and schema == contract.newest.schema:
            continue
        kept = contract.versions[:-1] if replace_newest else contract.versions
        broken += [
            f"{contract.name}: v{version.number}: {problem}"
            for version in kept
            for problem in incompatibilities(version.schema, schema)
        ]
        written[_path(contract, len(kept) + 1)] = render(schema)
    if broken:
        raise Failure(
            "\n  ".join(["nothing written, these would break what is published:", *broken])
        )
    for path, text in written.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path)
    print(f"{len(written)} schemas written", file=sys.stderr)


def _path(contract: "Contract", number: int) -> Path:
    import domain.schemas

    return Path(domain.schemas.__path__[0]) / contract.folder / f"v{number}.avsc"


def _named(name: str) -> "Contract":
    from domain.schemas import contracts

    for contract in contracts():
        if name in (contract.name, contract.event_type.__name__):
            return contract
    raise WrongUsage(f"there is no event {name!r}: `catalog schemas list` names them all")


def _registry() -> "Registry":
    from adapters.composition import clients
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings

    return clients.registry(resolve_endpoints(load_settings(), ("registry",)))


def _print_registrations(registrations: list[Any], *, as_json: bool) -> None:
    if as_json:
        import msgspec

        shown = [
            {
                "subject": one.subject,
                "checked_in": one.checked_in,
                "registered": one.registered,
                "schema_id": one.schema_id,
                "compatibility": one.compatibility,
                "problems": one.problems,
            }
            for one in registrations
        ]
        sys.stdout.buffer.write(msgspec.json.encode(shown) + b"\n")
        sys.stdout.buffer.flush()
        return
    tables.show(
        ("subject", "checked in", "registered", "id", "compatibility", "status"),
        [
            (
                one.subject,
                one.checked_in,
                one.registered,
                tables.Figure(one.schema_id or ""),
                one.compatibility,
                "\n".join(one.problems) or "ok",
            )
            for one in registrations
        ],
    )

"""`catalog lookup`: what an ISRC, a barcode, a DDEX Party Id … stands on."""

import os
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from domain.failures import WrongUsage
from domain.identifiers import ALIASES, SCHEMES, UnknownScheme, scheme_named

if TYPE_CHECKING:
    from rich.table import Table

    from adapters.composition.endpoints import Endpoints
    from projections.catalog.queries.owners import Answer, MatchRow

_READ_SIZE = 1 << 16


def register(app: typer.Typer) -> None:
    """Add `lookup` to the command."""
    app.command()(lookup)


def lookup(
    scheme: Annotated[
        str, typer.Argument(help=f"{', '.join(SCHEMES)}; {', '.join(ALIASES)} are gtin.")
    ],
    value: Annotated[
        str, typer.Argument(help="The number in any of its forms; - reads one a line from stdin.")
    ],
    generation: Annotated[
        int | None,
        typer.Option(help="Ask this one instead of the live one, such as one as of a moment."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON: one object, or with - one a line.")
    ] = False,
) -> None:
    """Find everything that a number stands on.

    Nothing found is an empty answer. A malformed number ends with exit code 2 and the rule that
    it breaks, unless a sender wrote it like that; with - its line says so and the rest goes on.
    """
    from adapters.composition import databases
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings
    from projections.catalog import CATALOG
    from projections.catalog.queries.owners import look_up, look_up_all

    try:
        scheme = scheme_named(scheme)
    except UnknownScheme as error:
        raise WrongUsage(str(error)) from error
    if value == "-" and sys.stdin is None:
        raise WrongUsage("- names standard input, and there is none")
    endpoints = resolve_endpoints(load_settings(), need=("read",))
    schema = CATALOG.schema if generation is None else _schema_of(endpoints, generation)
    with databases.identifiers(endpoints.read_dsn, schema) as index:
        if value != "-":
            answer = look_up(index, scheme, value)
            if answer.error:
                raise WrongUsage(str(answer.error))
            _print([answer], as_json=as_json)
            return
        for lines in _lines(sys.stdin.fileno()):
            _print(look_up_all(index, ((scheme, line) for line in lines)), as_json=as_json)


def _schema_of(endpoints: "Endpoints", number: int) -> str:
    """Schema of a generation whose tables are whole. Raises WrongUsage."""
    from adapters.composition import databases
    from projections.catalog import CATALOG
    from projections.ports.generations import Phase

    found = {one.number: one for one in databases.generations(endpoints, CATALOG).all()}
    if number not in found:
        raise WrongUsage(f"there is no generation {number}: see `catalog generations`")
    one = found[number]
    if one.phase in {Phase.CREATING, Phase.FILLING, Phase.DROPPED}:
        raise WrongUsage(f"generation {number} can't be asked: it is {one.phase.value}")
    return one.schema


def _lines(descriptor: int) -> Iterator[list[str]]:
    """Lines as they come in, so that who writes one and waits is answered, and a file is fast."""
    rest = b""
    while chunk := os.read(descriptor, _READ_SIZE):
        *lines, rest = (rest + chunk).split(b"\n")
        if lines:
            yield [_text(line) for line in lines]
    if rest:
        yield [_text(rest)]


def _text(line: bytes) -> str:
    # Bytes that are no UTF-8 come through as what no identifier may hold, and only spoil their line
    return line.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape").strip()


def _print(answers: Iterable["Answer"], *, as_json: bool) -> None:
    if as_json:
        import msgspec

        encode = msgspec.json.encode
        for answer in answers:
            sys.stdout.buffer.write(encode(answer.as_json()) + b"\n")
        sys.stdout.buffer.flush()
        return
    from rich.console import Console

    # A pipe has no width of its own; what is cut there can't be found by who reads it.
    console = Console(width=None if sys.stdout.isatty() else 240, highlight=False)
    for table in _tables(answers):
        console.print(table)


def _tables(answers: Iterable["Answer"]) -> "Iterator[Table]":
    """All matches in one table, then what each party has in one of its own."""
    from rich.table import Table
    from rich.text import Text

    table = Table("number", "owner", "id", "title", "artist", "release", "valid")
    parties: list[Table] = []
    for answer in answers:
        number = f"{answer.scheme} {answer.as_json()['value']}"
        if not answer.matches:
            table.add_row(Text(number), Text(answer.error.rule if answer.error else "nothing"))
        for match in answer.matches:
            cells = (
                number,
                match.owner,
                match.id,
                " ".join(filter(None, (match.title, match.version and f"({match.version})"))),
                match.artist,
                _release(match),
                "yes" if match.valid else f"no: {match.flaw}",
            )
            table.add_row(*(Text(cell or "") for cell in cells))
            if match.owner == "party":
                parties.append(_party(match))
    yield table
    yield from parties


def _release(match: "MatchRow") -> str:
    if match.release_id is None:
        return ""
    title = "not in the catalog" if match.status is None else match.release_title or "untitled"
    takedown = ", taken down" if match.status == "taken_down" else ""
    return f"{match.release_id} ({title}{takedown})"


def _party(match: "MatchRow") -> "Table":
    from rich.table import Table
    from rich.text import Text

    shown = match.as_json()
    table = Table("kind", "id", "title", "artist", title=Text(f"{match.title or match.id} has"))
    for kind in ("labels", "releases"):
        for item in shown[kind]:
            title = item.get("title") or item.get("name") or ""
            table.add_row(
                kind.removesuffix("s"),
                Text(item["id"]),
                Text(title),
                Text(item.get("artist") or ""),
            )
        if shown[f"{kind}_truncated"]:
            table.add_row(kind.removesuffix("s"), "…")
    return table

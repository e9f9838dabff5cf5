"""`catalog lookup`: what an ISRC, a barcode, a DDEX Party Id … stands on."""

import os
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adapters.cli import tables
from domain.failures import WrongUsage
from domain.identifiers import (
    ALIASES,
    SCHEMES,
    MalformedIdentifier,
    UnknownScheme,
    scheme_named,
)

if TYPE_CHECKING:
    from adapters.composition.endpoints import Endpoints
    from projections.catalog.queries.lookup import LookupAnswer

    Entry = dict[str, Any]

_READ_SIZE = 1 << 16
_TOGETHER = 500
"""How many numbers are looked up by one execution of the statement."""


def register(app: typer.Typer) -> None:
    """Add `lookup` to the command."""
    app.command()(lookup)


def lookup(
    scheme: Annotated[
        str, typer.Argument(help=f"{', '.join(SCHEMES)}; {', '.join(ALIASES)} are gtin.")
    ],
    value: Annotated[
        str, typer.Argument(help="The number in any of its forms; - reads one per line from stdin.")
    ],
    generation: Annotated[
        int | None,
        typer.Option(help="Ask this one instead of the live one, such as one as of an instant."),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print JSON, as the API answers; with - one per line."),
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
    from projections.catalog.queries.lookup import asked, look_up

    try:
        scheme = scheme_named(scheme)
    except UnknownScheme as error:
        raise WrongUsage(str(error)) from error
    if value == "-" and sys.stdin is None:
        raise WrongUsage("- names standard input, and there is none")
    endpoints = resolve_endpoints(load_settings(), need=("read",))
    schema = CATALOG.schema if generation is None else _schema_of(endpoints, generation)
    with databases.read_queries(endpoints, "lookup") as queries:
        if value != "-":
            (answer,) = look_up(queries.rows, [asked(scheme, value)], schema)
            if answer.broken_rule:
                raise WrongUsage(str(MalformedIdentifier(scheme, value, answer.broken_rule)))
            _print([answer], as_json=as_json)
            return
        for lines in _lines(sys.stdin.fileno()):
            for start in range(0, len(lines), _TOGETHER):
                numbers = [asked(scheme, line) for line in lines[start : start + _TOGETHER]]
                _print(look_up(queries.rows, numbers, schema), as_json=as_json)


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


def _print(answers: "Iterable[LookupAnswer]", *, as_json: bool) -> None:
    if as_json:
        from adapters.api.problems import malformed

        for answer in answers:
            rule = answer.broken_rule
            body = malformed(answer.number, rule).body() if rule else answer.as_json().encode()
            sys.stdout.buffer.write(body + b"\n")
        sys.stdout.buffer.flush()
        return
    _show(answers)


def _show(answers: "Iterable[LookupAnswer]") -> None:
    """All matches in one table, then what each party has in one of its own."""
    from projections.catalog.queries.lookup import named

    rows: list[tuple[str, ...]] = []
    parties: list[Entry] = []
    for answer in answers:
        value = answer.number.value.encode("utf-8", "backslashreplace").decode()
        number = f"{answer.number.scheme} {value}"
        matches = answer.matches()
        for one in answer.relations():
            release = one["release"]
            title, artist = release["title"] or "", release["display_artist"] or ""
            relation = one["relation"] or "related"
            rows.append((number, f"{relation} of", release["id"], title, artist, "", ""))
        if not matches and answer.related is None:
            rows.append((number, answer.broken_rule or "nothing", *[""] * 5))
        for entry in matches:
            title, artist = named(entry)
            match = entry["match"]
            valid = "yes" if match["valid"] is not False else f"no: {match['flaw']}"
            rows.append(
                (number, entry["owner"], entry["id"], title, artist, _release(entry), valid)
            )
            if entry["owner"] == "party":
                parties.append(entry)
        if answer.truncated:
            rows.append((number, "…", *[""] * 5))
    tables.show(("number", "owner", "id", "title", "artist", "release", "valid"), rows)
    for party in parties:
        _show_party(party)


def _release(entry: "Entry") -> str:
    id_ = entry["id"] if entry["owner"] == "release" else (entry["track"] or {}).get("release_id")
    if id_ is None:
        return ""
    release = entry["release"]
    title = "not in the catalog" if release is None else release["title"] or "untitled"
    takedown = ", taken down" if release and release["status"] == "taken_down" else ""
    return f"{id_} ({title}{takedown})"


def _show_party(entry: "Entry") -> None:
    from projections.catalog.queries.lookup import named

    print(f"\n{named(entry)[0]} has")
    rows = [
        (
            kind,
            item["id"],
            item.get("title") or item.get("name") or "",
            item.get("display_artist") or "",
        )
        for kind in ("label", "release")
        for item in entry["party"][f"{kind}s"]
    ]
    tables.show(("kind", "id", "title", "artist"), rows)

"""`catalog ingest`: feeds and ERN messages into the master catalog."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from domain.failures import WrongUsage

if TYPE_CHECKING:
    from adapters.ingestion.feeds.columns import Terms

Paths = Annotated[
    list[str] | None,
    typer.Argument(metavar="PATH", help="Files, folders, or - (standard input)."),
]
Sample = Annotated[
    bool,
    typer.Option(
        "--sample",
        help="The deliveries that the project ships; two of their rows are invalid on purpose.",
    ),
]
FeedSource = Annotated[
    str, typer.Option(help="Whose feeds these are: other names than the default mark all ids.")
]
Territories = Annotated[
    list[str] | None,
    typer.Option(help="Territory of the feeds' offers; may be repeated.", show_default="Worldwide"),
]
Currency = Annotated[
    str | None, typer.Option(help="ISO 4217 currency of the feeds' prices, if it is known.")
]
Again = Annotated[bool, typer.Option("--again", help="Take in again what was taken in before.")]
Batches = Annotated[
    bool,
    typer.Option(
        "--batches", help="Leave alone what no BatchComplete_ manifest says is delivered whole."
    ),
]
MaxMessageBytes = Annotated[
    int, typer.Option(help="ERN messages that are greater are quarantined.", min=1)
]
Json = Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(ingest)


def ingest(
    paths: Paths = None,
    sample: Sample = False,
    source: FeedSource = "7digital",
    territory: Territories = None,
    currency: Currency = None,
    again: Again = False,
    batches: Batches = False,
    max_message_bytes: MaxMessageBytes = 50 << 20,
    as_json: Json = False,
) -> None:
    """Take in feeds, ERN messages, archives and batches.

    Feeds are CSV, messages XML, archives .zip, .tar or .gz; what they are is seen by their
    content. Only what differs is written. What can't be taken in is kept in the quarantine
    table and told; then the exit code is 1, and everything else was taken in all the same.
    """
    from functools import partial

    from adapters.cli import deliveries
    from adapters.composition.databases import master_connection
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings
    from adapters.ingestion import sample as shipped
    from adapters.ingestion.ingest import Options
    from adapters.ingestion.ingest import ingest as take_in

    if sample == bool(paths):
        raise WrongUsage("name files or folders, or say --sample")
    options = Options(
        terms=_terms(source, territory or ["Worldwide"], currency),
        again=again,
        most_message_bytes=max_message_bytes,
        only_batches=batches,
    )
    dsn = resolve_endpoints(load_settings(), need=("master",)).master_dsn
    master = partial(master_connection, dsn, "ingest")
    chosen = [str(shipped.FOLDER)] if sample else paths or []
    with deliveries.watched() as watch:
        standard_input = None if sys.stdin is None else sys.stdin.buffer
        summary = take_in(master, chosen, options, watch, standard_input)
    if as_json:
        print(json.dumps(summary.as_json(), ensure_ascii=False))
    else:
        deliveries.show(summary)
    if summary.quarantined > (shipped.QUARANTINED if sample else 0):
        raise typer.Exit(1)


def _terms(source: str, territories: list[str], currency: str | None) -> "Terms":
    """What the feeds leave unsaid. Raises WrongUsage."""
    from adapters.ingestion.feeds.columns import Terms
    from domain.territories import normalise_all

    if currency is not None and not (
        currency.isascii() and currency.isalpha() and len(currency) == 3
    ):
        raise WrongUsage(f"--currency {currency!r} is no ISO 4217 code such as EUR")
    known, unknown = normalise_all(territories)
    if unknown:
        raise WrongUsage(
            f"--territory {unknown[0]!r} is neither Worldwide nor an ISO 3166 code such as DE or"
            " US-NY nor a TIS code such as 2136"
        )
    if not source or ":" in source or "/" in source:
        raise WrongUsage(f"--source {source!r} must be a name without : and /")
    return Terms(source, tuple(known), currency.upper() if currency else None)

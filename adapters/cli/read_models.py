"""`--model`: which read model a command is about."""

from typing import Annotated

import typer

Model = Annotated[str, typer.Option("--model", metavar="NAME", help="The read model.")]
"""One, by default the catalog."""
OnlyModel = Annotated[
    str | None, typer.Option("--model", metavar="NAME", help="Only this read model. Default: all.")
]
DEFAULT = "catalog"

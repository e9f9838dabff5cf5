"""The errors that a user sees, and the exit code each ends the command with.

Everything below the command line raises; only `adapters.cli.main` prints and exits, so that a
library piece can be used from a test or another service without killing its process.
"""

from __future__ import annotations


class CatalogError(Exception):
    """Something failed; the message names what, and what to do. Exit code 1."""

    exit_code = 1


class NotMigrated(CatalogError):
    """The read database lacks the engine's tables."""

    def __init__(self) -> None:
        super().__init__("the read database has no tables of the engine yet: run `catalog migrate`")


class UsageProblem(CatalogError):
    """The command or a setting is wrong, nothing was done. Exit code 2."""

    exit_code = 2


class SettingsError(UsageProblem):
    """A setting is wrong, unknown or missing; the message names it, its source and the cure."""


class Unhealthy(CatalogError):
    """The service answers but is unhealthy or behind. Exit code 3."""

    exit_code = 3

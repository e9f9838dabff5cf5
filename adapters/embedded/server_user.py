"""Who a database server runs as: servers that refuse root get a user of their own."""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

_SYSTEM_USER = "embedded_postgres"

ServerUser = tuple[int, int]
"""User and group."""


def server_user(home: Path, program: Path) -> ServerUser | None:
    """Ourselves (None), or for root a user of its own, which then owns `home`.

    Folders on the way to both are opened as far as the user needs to pass through.
    """
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(_SYSTEM_USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", _SYSTEM_USER]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)
            entry = pwd.getpwnam(_SYSTEM_USER)
        except (OSError, subprocess.CalledProcessError):
            entry = pwd.getpwnam("nobody")  # systems without useradd
    os.chown(home, entry.pw_uid, entry.pw_gid)
    for closed in [*_closed_ancestors(home), *_closed_ancestors(program)]:
        # the least that lets the server reach its files: passing through, not listing
        closed.chmod(closed.stat().st_mode | stat.S_IXOTH)
    return entry.pw_uid, entry.pw_gid


def run_as(
    user: ServerUser | None, command: list[str], cwd: Path, script: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program that makes a server's files, to its end, as who the server runs as."""
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=cwd,
        input=script,
        user=None if user is None else user[0],
        group=None if user is None else user[1],
        extra_groups=None if user is None else [],
        check=False,
    )


def _closed_ancestors(path: Path) -> Iterator[Path]:
    for folder in path.resolve().parents:
        if not folder.stat().st_mode & stat.S_IXOTH:
            yield folder

"""Quix Streams' PostgreSQL sink, in an environment of its own: it pins another confluent-kafka."""

import json
import os
import subprocess
import venv
from pathlib import Path
from urllib.parse import urlsplit

from bench.data import hold_tracks
from bench.figures import Figure, absent
from bench.peers.target import differing_rows, make_target
from bench.stage import JSON_TOPIC, Stage

CASE = "quix"
VERSION = "3.28.1"
NAME = f"Quix Streams {VERSION} PostgreSQL sink (JSON, 100,000 a commit)"
_SCRIPT = Path(__file__).with_name("quix_sink.py")
_SECONDS = 600


def run(stage: Stage) -> list[Figure]:
    """Run the sink over the JSON twin of the topic."""
    try:
        python = _environment(stage.settings.cache / "bench" / f"quix-{VERSION}")
    except subprocess.CalledProcessError as error:
        reason = (error.stderr or error.stdout or str(error)).strip().splitlines()[-1:]
        return [absent(CASE, NAME, "events/s", f"can't be installed: {' '.join(reason)}")]
    events = hold_tracks(stage)
    with stage.database("quix") as dsn:
        make_target(dsn, "peer")
        address = urlsplit(dsn)
        task = {
            "brokers": stage.endpoints.kafka["bootstrap.servers"],
            "topic": JSON_TOPIC,
            "events": events,
            "sink": {
                "host": address.hostname,
                "port": address.port,
                "dbname": address.path[1:],
                "user": address.username,
                "password": address.password,
                "schema_name": "peer",
                "table_name": "track",
            },
        }
        done = subprocess.run(
            [python, _SCRIPT],
            input=json.dumps(task),
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
            env={"PATH": os.defpath, "LANG": "C.UTF-8"},
            cwd=python.parent,
        )
        if done.returncode:
            reason = done.stderr.strip().splitlines()[-1:]
            return [absent(CASE, NAME, "events/s", f"failed: {' '.join(reason)}")]
        outcome = json.loads(done.stdout.splitlines()[-1])
        wrong = differing_rows(dsn, "peer", stage.scale.track_plan)
    note = (
        "every row right"
        if not wrong
        else f"{wrong:,} rows wrong: it leaves out columns that are null in a batch's first row"
    )
    return [
        Figure(
            CASE,
            NAME,
            "events/s",
            events / outcome["seconds"],
            seconds=outcome["seconds"],
            peak_mb=outcome["peak_mb"],
            size=events,
            note=note,
        )
    ]


def _environment(folder: Path) -> Path:
    """Make the environment once; returns its interpreter. Raises CalledProcessError."""
    python = folder / "bin" / "python"
    finished = folder / "finished"
    if not finished.exists():
        venv.create(folder, with_pip=True, clear=True, symlinks=True)
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run(
            [python, *install, f"quixstreams[postgresql]=={VERSION}"],
            check=True,
            capture_output=True,
            text=True,
        )
        finished.touch()
    return python

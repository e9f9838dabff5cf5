"""A panic of polars, which we catch, leaves no trace on standard error; all else does."""

import subprocess
import sys

PANICKING = """
import os, sys
import polars as pl
from adapters.cli.native_output import without_panics
from adapters.event_log.avro.container import container_header, read_block

schema = {"type": "record", "name": "A", "fields": [{"name": "x", "type": "string"}]}
BROKEN = b"\\xc2k0\\xf9"
with without_panics():
    os.write(2, b"before\\n")
    for _ in range(2):
        try:
            read_block(container_header(schema), [BROKEN], ["x"])
        except pl.exceptions.PanicException as error:
            print("caught", flush=True)
        os.write(2, b"between\\n")
    print("python", file=sys.stderr)
print("after", file=sys.stderr)
"""


def test_a_panic_that_is_caught_is_not_seen() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PANICKING], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["caught", "caught"]
    said = done.stderr.splitlines()
    assert sorted(said) == ["after", "before", "between", "between", "python"]
    assert said[-1] == "after"

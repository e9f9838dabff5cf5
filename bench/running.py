"""Runs the cases, prints the table, writes it beside JSON and plots."""

import argparse
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

import bench
from adapters.composition.settings import Settings, load_settings
from bench import (
    floors,
    guard,
    ingesting,
    latency,
    live,
    own_master,
    plotting,
    rebuilding,
    relations,
    reporting,
)
from bench import translating as translation
from bench.figures import Figure, absent
from bench.machine import describe
from bench.peers import handwritten, jdbc_sink, quix
from bench.scale import Scale
from bench.stage import Stage, running_stage

CASES: dict[str, Callable[[Stage], list[Figure]]] = {
    floors.CASE: floors.run,
    rebuilding.CASE_TOPIC: rebuilding.run_topic,
    live.CASE: live.run,
    handwritten.CASE: handwritten.run,
    jdbc_sink.CASE: jdbc_sink.run,
    quix.CASE: quix.run,
    rebuilding.CASE_CATALOG: rebuilding.run_catalog,
    translation.CASE: translation.run,
    ingesting.CASE: ingesting.run,
    own_master.CASE: own_master.run,
}
"""On common engines, in the order in which topics are filled least often."""
ALONE: dict[str, Callable[[Settings, Scale], list[Figure]]] = {latency.CASE: latency.run}
"""On engines of their own, with capture."""
FAILED = "failed: "
ALL = (*CASES, *ALONE)


def main() -> int:
    """Run what was asked for; 0 when every case could run, 1 when one failed."""
    arguments = _arguments()
    scale = Scale().shrunk(arguments.factor) if arguments.factor != 1 else Scale()
    with tempfile.TemporaryDirectory(prefix="catalog-bench-") as temporary:
        Path(temporary).chmod(0o711)  # PostgreSQL runs as another user when we are root
        folder = arguments.data or Path(temporary) / "data"
        settings = load_settings(data=folder, embedded=_EMBEDDED)
        figures: list[Figure] = []
        wanted = arguments.cases or ALL
        if any(name in CASES for name in wanted):
            with running_stage(settings, scale, _tell) as stage:
                for name in wanted:
                    if name in CASES:
                        figures += _run(name, partial(CASES[name], stage))
        for name in wanted:
            if name in ALONE:
                figures += _run(name, partial(ALONE[name], settings, scale))
    ratios = relations.relations(figures)
    machine = describe("python -m bench " + " ".join(sys.argv[1:]))
    files = reporting.write(arguments.out, [*figures, *ratios], machine)
    if not arguments.no_plots:
        files += plotting.plot(arguments.out, figures)
    print(reporting.markdown([*figures, *ratios], machine))
    _tell(f"written: {', '.join(map(str, files))}")
    slower = guard.regressions(ratios)
    if slower:
        _tell("slower than recorded: " + "; ".join(slower))
    if arguments.record:
        guard.record(ratios)
    return 1 if slower or any(f.note.startswith(FAILED) for f in figures) else 0


_EMBEDDED = {"full_jit": True, "kafka_heap_mb": 512}
"""As in production: code optimised to the full. PostgreSQL's fsync is on by default."""


def _run(name: str, case: Callable[[], list[Figure]]) -> list[Figure]:
    began = time.monotonic()
    _tell(f"== {name}")
    try:
        figures = case()
    except Exception as error:  # one case's failure must not take the others' figures along
        traceback.print_exc()
        text = str(error).strip().splitlines()
        figures = [absent(name, name, "", f"{FAILED}{text[-1] if text else error!r}")]
    for figure in figures:
        value = "–" if figure.value is None else f"{figure.value:,.1f} {figure.unit}"
        _tell(f"   {figure.name}: {value} {figure.note}")
    _tell(f"   {time.monotonic() - began:.0f} s")
    return figures


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=bench.__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(ALL)}")
    parser.add_argument(
        "--factor", type=float, default=1.0, help="so many times the records (0.02 to try it)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).with_name("results"), help="folder of results"
    )
    parser.add_argument("--data", type=Path, help="data folder of the engines, emptied first")
    parser.add_argument("--no-plots", action="store_true", help="leave matplotlib out")
    parser.add_argument("--record", action="store_true", help="hold later runs to these ratios")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.cases if name not in ALL]:
        parser.error(f"unknown case {', '.join(unknown)}; there are {', '.join(ALL)}")
    return arguments


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)

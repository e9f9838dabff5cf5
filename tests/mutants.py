"""Mutation testing of the domain: `make mutants`, or `python -m tests.mutants`.

mutmut changes the code of `[tool.mutmut]` in pyproject.toml, a place at a time, in a copy (folder
`mutants`), and runs the unit tests that reach the place. Whatever no test notices is a gap in the
tests, or a change that changes nothing. Arguments name what to look at: `domain.schemas*`.

What was found is printed, as the tables of docs/mutants.md.
"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent
_FOLDER = ROOT / "mutants"
_STATES: Mapping[int | None, str] = {0: "survived", 5: "no tests", 33: "no tests", None: "not run"}
"""By exit code of the tests; every other code killed the mutant (it failed, hung or crashed)."""
_COLUMNS = ("killed", "survived", "no tests", "not run")


def results(folder: Path = _FOLDER) -> Iterator[tuple[str, str, str]]:
    """Module, function and state of every mutant."""
    for meta in sorted(folder.rglob("*.py.meta")):
        module = str(meta.relative_to(folder)).removesuffix(".py.meta").replace("/", ".")
        module = module.removesuffix(".__init__")
        codes: dict[str, int | None] = json.loads(meta.read_text())["exit_code_by_key"]
        for name, code in codes.items():
            function = name.removeprefix(f"{module}.").rpartition("__mutmut_")[0]
            plain = function.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
            yield module, plain, _STATES.get(code, "killed")


def tables(found: list[tuple[str, str, str]]) -> str:
    """A row per module, and the functions in which mutants survived; as Markdown."""
    by_module = Counter((module, state) for module, _, state in found)
    lines = [f"| module | mutants | {' | '.join(_COLUMNS)} |", "|---" * 6 + "|"]
    for module in sorted({module for module, _, _ in found}):
        counts = [by_module[module, state] for state in _COLUMNS]
        lines.append(f"| `{module}` | {sum(counts)} | {' | '.join(map(str, counts))} |")
    alive = Counter((module, function) for module, function, state in found if state == "survived")
    lines += ["", "| function | survivors |", "|---|---|"]
    lines += [f"| `{module}.{name}` | {count} |" for (module, name), count in sorted(alive.items())]
    return "\n".join(lines)


def main() -> int:
    """Run, and print what was found; 0 whatever it was: survivors are judged by people."""
    command = [sys.executable, "-m", "mutmut", "run", *sys.argv[1:]]
    status = subprocess.run(command, cwd=ROOT, check=False).returncode
    print(tables(list(results())))
    return status


if __name__ == "__main__":
    sys.exit(main())

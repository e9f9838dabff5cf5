"""The wheel holds what runs in production, and nothing that makes data up."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).parent.parent.parent


def test_the_wheel_has_every_room_but_synthetic(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = ZipFile(wheel).namelist()
    packed = {name.split("/")[1] for name in names if name.startswith("adapters/")}
    rooms = {path.parent.name for path in (ROOT / "adapters").glob("*/__init__.py")}
    assert rooms - packed == {"synthetic"}
    assert "migrations/run.py" in names
    assert "adapters/embedded/jars.lock" in names

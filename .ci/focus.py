"""The official FOCUS validator, in an environment of its own under `build/focus/`.

It needs Python 3.12 and a pyarrow below 20; its old numpy has no wheel for a newer Python, which
then builds it for minutes. Every version is pinned by `.ci/focus.txt`.

    python .ci/focus.py
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "focus"
REQUIREMENTS = ROOT / ".ci" / "focus.txt"
NONE_HERE = ROOT / "build" / "focus.none"


def candidates() -> list[str]:
    """Interpreters that may do, the best first: on the path, and kept by a version manager."""
    managed = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = []
    for minor in (12, 13, 14):
        found.append(shutil.which(f"python3.{minor}"))
        found += map(str, sorted(managed.glob(f"3.{minor}.*/bin/python3")))
    return [each for each in found if each]


def usable(python: str) -> bool:
    """Whether it starts: a version manager's stand-in may not."""
    command = [python, "-c", "import venv, ensurepip"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def main() -> int:
    """Make the environment."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    NONE_HERE.unlink(missing_ok=True)
    python = next(filter(usable, candidates()), None)
    if python is None:
        NONE_HERE.parent.mkdir(exist_ok=True)
        NONE_HERE.write_text("no Python 3.12 or newer here: the validator of FOCUS is not tried\n")
        print(NONE_HERE.read_text(), end="")
        return 0
    subprocess.run([python, "-m", "venv", str(FOLDER)], check=True)
    pip = [str(FOLDER / "bin" / "python"), "-m", "pip", "install", "-q", "-r", str(REQUIREMENTS)]
    return subprocess.run(pip, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

"""The official FOCUS validator, in an environment of its own under `build/focus/`.

It needs Python 3.12 and a pyarrow below 20; its old numpy has no wheel for a newer Python, which
then builds it for minutes. Every version is pinned by `.ci/focus.txt`.

    python .ci/focus.py
"""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "focus"
REQUIREMENTS = ROOT / ".ci" / "focus.txt"
_PYTHONS = ("python3.12", "python3.13", "python3.14")


def usable(name: str) -> str | None:
    """A Python of that name that starts: a version manager's stand-in may not."""
    found = shutil.which(name)
    if found is None:
        return None
    done = subprocess.run([found, "-c", "import venv, ensurepip"], capture_output=True, check=False)
    return found if done.returncode == 0 else None


def main() -> int:
    """Make the environment."""
    python = next(filter(None, map(usable, _PYTHONS)), None)
    if python is None:
        print("no Python 3.12 or newer here: the validator of FOCUS is not tried")
        return 0
    shutil.rmtree(FOLDER, ignore_errors=True)
    subprocess.run([python, "-m", "venv", str(FOLDER)], check=True)
    pip = [str(FOLDER / "bin" / "python"), "-m", "pip", "install", "-q", "-r", str(REQUIREMENTS)]
    return subprocess.run(pip, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

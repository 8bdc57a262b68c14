"""The SDK tests in three environments: no one environment can hold all SDKs.

Each is a fresh one under `build/sdks/`, with every version pinned by its file in
`tests/integration/sdks/environments/`. A test that ran in none of them is a failure: it would
prove nothing for as long as nobody looks.

    python .ci/sdks.py            all three; with LONG=1 also what takes minutes
    python .ci/sdks.py litellm    one; what ran nowhere can't be told then
"""

import os
import shutil
import subprocess
import sys
import time
import venv
import xml.etree.ElementTree as ET
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests" / "integration" / "sdks"
BUILD = ROOT / "build" / "sdks"


def make(requirements: Path) -> Path:
    """A fresh environment with this package and the pinned SDKs; its interpreter."""
    folder = BUILD / requirements.stem
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, "-r", str(requirements), "-e", f"{ROOT}[sandbox]"], check=True)
    return python


def run(python: Path, report: Path) -> int:
    """Run the tests there; pytest's exit code. What SDKs leave open at the end is theirs."""
    theirs = ("ResourceWarning", "pytest.PytestUnraisableExceptionWarning")
    lenient = [part for name in theirs for part in ("-W", f"ignore::{name}")]
    command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", *lenient]
    command += [f"--junitxml={report}", *(["--long"] if os.environ.get("LONG") else []), str(TESTS)]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def ran(report: Path) -> dict[str, bool]:
    """Each test of a run, and whether it ran rather than was skipped; long ones may wait."""
    found = {}
    for case in ET.parse(report).getroot().iter("testcase"):
        skipped = case.find("skipped")
        if skipped is None or "--long" not in skipped.get("message", ""):
            found[f"{case.get('classname')}::{case.get('name')}"] = skipped is None
    return found


def main(names: list[str]) -> int:
    """Make the environments, run the tests in each, and say what ran nowhere."""
    found = sorted((TESTS / "environments").glob("*.txt"))
    chosen = [path for path in found if not names or path.stem in names]
    BUILD.mkdir(parents=True, exist_ok=True)
    anywhere: dict[str, bool] = {}
    failed = []
    for requirements in chosen:
        began = time.monotonic()
        print(f"\n-- SDKs: {requirements.stem}", flush=True)
        python = make(requirements)
        made = time.monotonic()
        report = BUILD / f"{requirements.stem}.xml"
        if run(python, report):
            failed.append(requirements.stem)
        for test, did in ran(report).items():
            anywhere[test] = anywhere.get(test, False) or did
        now = time.monotonic()
        print(f"-- made in {made - began:.0f} s, run in {now - made:.0f} s", flush=True)
    nowhere = sorted(test for test, did in anywhere.items() if not did)
    if nowhere and len(chosen) == len(found):
        print("These ran in no environment:", *nowhere, sep="\n  ")
    if failed:
        print("Failed in:", *failed)
    return 1 if failed or (nowhere and len(chosen) == len(found)) or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

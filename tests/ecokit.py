"""What the tests of the ecosystem share: a copy of it, in which modules run as processes."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import engines

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "tests" / "integration" / "ecosystem"
README = ROOT / "README.md"

MBANK = "flow/flow_mbank.py"
CHAT = "skills/skills_chat/live_chat_context_skill.py"
ORCHESTRATOR = "skills/skills_multi/orchestrator.py"
LOGGER = "prax/prax_logger.py"
FREE_MODEL = "deepseek/deepseek-chat-v3.1:free"
OWN_IMPORT, SHIM_IMPORT = (
    "from ledger import get_response",
    "from api.openrouter import get_response",
)
_SHIM = re.compile(
    r"^```python\n(# (api/\w+\.py)(?P<note>[^\n]*)\n.*?)^```$", re.MULTILINE | re.DOTALL
)
_SETTINGS = ("LEDGER_CALLERS_ROOT", "LEDGER_BACKGROUND")


@dataclass(frozen=True)
class Ecosystem:
    """A copy of the ecosystem; the ledger's home is its `api/`, and the server is a sandbox."""

    root: Path

    def python(self, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
        """Run Python in the ecosystem, as its user does."""
        return subprocess.run(
            [sys.executable, "-W", "error", *arguments],
            cwd=self.root,
            env=self.environment() | more,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )

    def environment(self) -> dict[str, str]:
        """That of a real machine: what the sandbox's fixture sets for tests alone is left out."""
        kept = {name: value for name, value in os.environ.items() if name not in _SETTINGS}
        path = os.pathsep.join([str(self.root), str(ROOT)])
        told = {"LEDGER_HOME": str(self.root / "api"), "PYTHONPATH": path}
        return kept | told | engines.environment(self.root / "api")

    def succeed(self, *arguments: str, **more: str) -> str:
        """Run Python, and what it printed where it went well."""
        done = self.python(*arguments, **more)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def plan(self, *model: str) -> dict[str, Any]:
        """What became of the plan that flow_mbank analysed."""
        found: dict[str, Any] = json.loads(self.succeed(MBANK, *model))
        return found

    def json(self, path: str) -> Any:
        """A JSON file, read as plainly as the modules do."""
        return json.loads((self.root / path).read_text("ascii"))

    def said(self) -> str:
        """All that the ecosystem's own logger was told."""
        return (self.root / "system_logs" / "system.log").read_text("utf-8")

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What the books say."""
        return engines.read(self.root / "api", sql)[1]

    def use_shims(self, *, none: bool = False) -> None:
        """Make the `api/` modules that the README gives, and let the modules import them.

        Args:
            none: take the `api/openrouter.py` that returns None where a call fails.
        """
        for name, source in shims(none=none).items():
            path = self.root / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(source, "utf-8")
        for name in (MBANK, CHAT, "skills/skills_multi/skill2.py"):
            path = self.root / name
            text = path.read_text("utf-8")
            assert OWN_IMPORT in text
            path.write_text(text.replace(OWN_IMPORT, SHIM_IMPORT), "utf-8")


def shims(*, none: bool) -> dict[str, str]:
    """The README's modules for `api/`, by path; those with a note beside theirs are variants."""
    blocks = list(_SHIM.finditer(README.read_text("utf-8")))
    plain = {block[2]: block[1] for block in blocks if not block["note"]}
    return plain | {block[2]: block[1] for block in blocks if block["note"] and none}


def copied(folder: Path) -> Ecosystem:
    """A copy of the ecosystem below a folder."""
    ignored = shutil.ignore_patterns("__pycache__")
    root = Path(shutil.copytree(SOURCE, folder / "Aipass-Ecosystem", ignore=ignored))
    return Ecosystem(root)

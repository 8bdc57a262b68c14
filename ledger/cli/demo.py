"""`demo`: a small ecosystem, run for real against a local OpenRouter, and checked."""

import os
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ledger.cli import ecosystem, verdict
from ledger.cli.verdict import Check

if TYPE_CHECKING:
    from ledger.sandbox import Sandbox

_PATIENCE_S = 60
_OURS = ("LEDGER_", "OPENROUTER_")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
_PACKAGE = Path(__file__).parents[2]


@dataclass(slots=True)
class Demo:
    """One run: its folder, its sandbox, and what was found."""

    folder: Path
    sandbox: "Sandbox"
    quiet: bool
    checks: list[Check] = field(default_factory=list)

    @property
    def home(self) -> Path:
        """The ledger's home: its JSON files are where an ecosystem has them, in api/api_json."""
        return self.folder / "api"

    def say(self, text: str = "") -> None:
        """Tell what happens, unless one JSON document is all that is wanted."""
        if not self.quiet:
            typer.echo(text)

    def check(self, what: str, *, passed: bool) -> None:
        """Note whether something is as it must be."""
        self.checks.append(Check(what, passed))

    def python(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run Python in the demo's folder, as a process of its own."""
        self.say(f"$ python {' '.join(arguments)}")
        done = subprocess.run(  # noqa: S603 - our own interpreter and modules
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding=_encoding(),
            errors="replace",
            timeout=_PATIENCE_S,
            check=False,
        )
        self.say(_indented(done))
        return done

    def _environment(self) -> dict[str, str]:
        """This process's, but for every setting of the user's own ledger, key and proxy."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(_OURS) and name.lower() not in _PROXIES
        }
        if _PACKAGE.name not in ("site-packages", "dist-packages"):  # a checkout
            parts = (str(_PACKAGE), kept.get("PYTHONPATH", ""))
            kept["PYTHONPATH"] = os.pathsep.join(part for part in parts if part)
        return kept | {
            "LEDGER_HOME": str(self.home),
            "OPENROUTER_BASE_URL": self.sandbox.base_url,
            "OPENROUTER_API_KEY": self.sandbox.key,
            "PYTHONIOENCODING": f"{_encoding()}:backslashreplace",
        }


def run(folder: Path | None, *, as_json: bool) -> bool:
    """Run the demo.

    Args:
        folder: new or empty; None makes one among temporary files. It is kept.
        as_json: print one JSON document and nothing else.

    Returns:
        Whether everything was found as it must be.

    Raises:
        ExtraMissing: the extra `sandbox` isn't installed.
        typer.BadParameter: the folder holds something.
    """
    from ledger.sandbox import Sandbox

    with Sandbox(generation_delay_s=0) as sandbox:
        demo = Demo(_folder(folder), sandbox, quiet=as_json)
        sandbox.reply(
            model=ecosystem.CHAT_MODEL, text="Hello!", tokens=(12, 3), cost=ecosystem.EXACT_COST
        )
        demo.say(f"A local OpenRouter is up; the demo's files are in {demo.folder}\n")
        ecosystem.write(demo.folder)
        _run_modules(demo)
        _keep_books(demo)
        verdict.look(demo.home, sandbox, demo.check)
    if as_json:
        typer.echo(verdict.document(demo.folder, demo.home, demo.checks))
    else:
        typer.echo(_closing(demo))
    return all(check.passed for check in demo.checks)


def _folder(asked: Path | None) -> Path:
    """The folder to work in.

    Raises:
        typer.BadParameter: it holds something already.
    """
    if asked is None:
        return Path(tempfile.mkdtemp(prefix="ledger-demo-")).resolve()
    folder = asked.expanduser().absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise typer.BadParameter(f"{folder} is not empty; name a new or an empty folder.")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _run_modules(demo: Demo) -> None:
    """Every module as a process of its own: one is provisioned, two answer, two fail."""
    first = demo.python(ecosystem.MBANK)
    demo.check(
        "the first call without a model raises CallerProvisioned",
        passed=first.returncode != 0 and "CallerProvisioned" in first.stderr,
    )
    made = demo.folder / "flow" / "flow_json"
    names = [f"openrouter_skill_{part}.json" for part in ("config", "data", "log")]
    demo.check(
        "the caller's three files are in flow/flow_json",
        passed=all((made / name).is_file() for name in names),
    )
    second = demo.python(ecosystem.MBANK)
    demo.check(
        "the second call reads its model from that config and gets its reply",
        passed=second.returncode == 0 and bool(second.stdout.strip()),
    )
    chat = demo.python(ecosystem.CHAT)
    demo.check(
        "another caller gets its replies, each with its exact cost",
        passed=chat.returncode == 0 and chat.stdout.count(ecosystem.EXACT_COST) == 2,  # noqa: PLR2004 - its two questions
    )
    failed = demo.python(ecosystem.REPORT)
    demo.check(
        "a model that does not exist is the provider's error",
        passed=failed.returncode != 0 and "invalid/model" in failed.stderr,
    )
    refused = demo.python(ecosystem.NOTES)
    demo.check(
        "a call without a model is refused with ModelRequired",
        passed=refused.returncode != 0 and "ModelRequired" in refused.stderr,
    )


def _keep_books(demo: Demo) -> None:
    """Settle, export and report, by the commands themselves."""
    for command in (["settle"], ["export"], ["report", "caller"], ["report", "model"]):
        done = demo.python("-m", "ledger", *command)
        demo.check(f"`{' '.join(command)}` succeeds", passed=done.returncode == 0)


def _encoding() -> str:
    """That of this process's output: its processes' tables are drawn with what it can show."""
    return getattr(sys.stdout, "encoding", None) or "utf-8"


def _indented(done: "subprocess.CompletedProcess[str]") -> str:
    """What a process printed; of a traceback its last line."""
    lines = done.stdout.rstrip().splitlines()
    if done.returncode != 0:
        lines += done.stderr.rstrip().splitlines()[-1:]
    return "".join(f"  {line}\n" for line in lines)


def _closing(demo: Demo) -> str:
    """What was checked, where everything is, and what to try next."""
    ledger = f"LEDGER_HOME={shlex.quote(str(demo.home))} {shlex.quote(sys.executable)} -m ledger"
    database = shlex.quote(str(demo.home / "ledger.db"))
    query = "select caller, model, status, cost_usd, cost_grade from request_status"
    failed = sum(not check.passed for check in demo.checks)
    result = f"{failed} of these FAILED." if failed else "All of it is as it must be."
    return "\n".join(
        [
            *(f"{'ok    ' if check.passed else 'FAILED'} {check.what}" for check in demo.checks),
            f"{result}\n",
            f"The books:      {demo.home / 'ledger.db'}",
            f"The JSON files: {demo.home / 'api_json'}",
            f"                {demo.folder / 'flow' / 'flow_json'} and beside the other modules",
            "\nTry next:",
            f"  sqlite3 -header -column {database} '{query}'",
            f"  {ledger} report day",
            f"  {ledger} status",
            f"  {shlex.quote(sys.executable)} -m ledger sandbox",
        ]
    )

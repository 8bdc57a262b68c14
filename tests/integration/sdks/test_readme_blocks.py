"""The README's one line for each SDK, run as it is shown: only host and key are the sandbox's."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import drivers  # noqa: F401 - it lists the SDKs
import pytest
from callkit import rows
from sdkkit import SDKS, missing

from ledger.adoption.scan import scan

if TYPE_CHECKING:
    from ledger.sandbox import Sandbox

README = Path(__file__).parents[3] / "README.md"
BLOCKS = dict(
    re.findall(r"```python\n# sdks/(\w+)\.py\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
)
PACKAGES = {
    "with_openai": "openai",
    "with_any_openai": "openai",
    "with_openrouter": "openrouter",
    "with_anthropic": "anthropic",
    "with_pydantic_ai": "pydantic-ai-slim",
    "with_langchain_openai": "langchain-openai",
    "with_httpx": "httpx",
    "with_litellm": "litellm",
    "with_langchain_openrouter": "langchain-openrouter",
}
ENDPOINTS = {
    "with_any_openai": "responses",
    "with_anthropic": "messages",
    "with_httpx": "embeddings",
}


def test_there_is_a_block_for_every_sdk_that_is_tried() -> None:
    assert set(BLOCKS) == set(PACKAGES)
    assert {sdk.package for sdk in SDKS} <= {*PACKAGES.values(), "httpx2"}


@pytest.mark.parametrize("name", PACKAGES)
def test_the_block_books_its_call(ledger_sandbox: "Sandbox", tmp_path: Path, name: str) -> None:
    absent = missing(PACKAGES[name], 1 if name == "with_openrouter" else None)
    if absent:
        pytest.skip(absent)
    base = ledger_sandbox.base_url
    text = BLOCKS[name].replace("https://openrouter.ai/api/v1", base)
    text = text.replace("https://openrouter.ai/api", base.removesuffix("/v1"))
    program = tmp_path / f"{name}.py"
    program.write_text(text, "utf-8")
    # Where a block says no base URL, these SDKs look here.
    environment = {"OPENROUTER_API_BASE": base, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, str(program)],
        env=os.environ | environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    expected = "1" if name == "with_httpx" else "Echo: Name a colour."
    assert done.stdout.strip() == expected
    found = rows(
        tmp_path / "ledger_home",
        "select caller, endpoint, status, cost_grade from request_status",
    )
    endpoint = ENDPOINTS.get(name, "chat/completions")
    assert [tuple(row.values()) for row in found] == [(name, endpoint, "finished", "reported")]


@pytest.mark.parametrize("name", PACKAGES)
def test_adopt_has_nothing_to_say_about_the_block(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.py").write_text(BLOCKS[name], "utf-8")
    assert scan(tmp_path).is_clean

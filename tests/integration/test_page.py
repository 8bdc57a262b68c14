"""The page: the same totals, one file, nothing in it acts; where Chromium is, seen by it."""

import datetime as dt
import re
import shutil
import subprocess
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest
import usagekit
from usagekit import Planted

from ledger.__main__ import main
from ledger.client import Ledger
from ledger.errors import QuestionInvalid, SnapshotFailed

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
START = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)
HOSTILE = (
    "<script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "</style></title><script>document.title='owned'</script>",
    "a\x1b[2J\u202eb\u2066",
    "=cmd()",
    "x" * 4096,
    "one\r\ntwo",
)


class Reader(HTMLParser):
    """What a page is made of: its tags and attributes, and the cells of its tables."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.cells: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.cells:
            self.cells[-1] += data


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LEDGER_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def calls(home: Path) -> list[Planted]:
    names = (*HOSTILE, "flow_mbank", "flow_search")
    planted = [
        Planted(START + dt.timedelta(hours=7 * number), name, name, 10**10 * number)
        for number, name in enumerate(names * 5)
    ]
    usagekit.plant(home, planted)
    return planted


def read(path: Path) -> Reader:
    reader = Reader()
    reader.feed(path.read_text("utf-8"))
    reader.close()
    return reader


def test_its_tables_have_the_total_of_an_independent_sum(
    home: Path, calls: list[Planted], tmp_path: Path
) -> None:
    assert main(["report", "day", "caller", "--html", str(tmp_path / "page.html")]) == 0
    cells = read(tmp_path / "page.html").cells
    total = f"{sum(call.usd for call in calls):f}".rstrip("0")
    totals = [cells[place:].index(total) for place, cell in enumerate(cells) if cell == "all"]
    assert len(totals) == 6  # what was asked, over time, and by four names


def test_it_is_one_file_that_asks_for_nothing_and_lets_nothing_act(
    home: Path, calls: list[Planted], tmp_path: Path
) -> None:
    with Ledger(home=home, background=False) as ledger:
        path = ledger.report_html(tmp_path / "page.html", "caller", "model")
    found = read(path)
    assert not found.tags & {"script", "img", "link", "iframe", "object", "a", "base", "form"}
    acting = {"src", "href", "style", "srcset", "action"}
    assert not [name for name in found.attributes if name in acting or name.startswith("on")]
    text = path.read_text("utf-8")
    assert "default-src 'none'" in text
    assert "url(" not in text
    assert all(character.isprintable() or character == "\n" for character in text)
    assert path.stat().st_mode & 0o777 == 0o600
    assert max(map(len, found.cells)) < 250


def test_days_become_weeks_and_months_where_there_are_many(home: Path, tmp_path: Path) -> None:
    text = ""
    for days, word in ((0, "hour"), (40, "day"), (300, "week"), (900, "month")):
        where = home / str(days)
        moments = (START, START + dt.timedelta(days=days, hours=2))
        usagekit.plant(where, [Planted(at, "flow", "m", 5) for at in moments])
        with Ledger(home=where, background=False) as ledger:
            text = ledger.report_html(tmp_path / f"{days}.html").read_text("utf-8")
        assert f"Spend by {word}<" in text
    assert text.count("<g><title>") == 30  # months without a call too


def test_a_page_of_nothing_says_so(home: Path, tmp_path: Path) -> None:
    usagekit.plant(home, [])
    with Ledger(home=home, background=False) as ledger:
        path = ledger.report_html(tmp_path / "page.html", since="7d", tz="Asia/Kathmandu")
        assert "No spend in this time" in path.read_text("utf-8")
        with pytest.raises(SnapshotFailed, match="no-such-folder"):
            ledger.report_html(tmp_path / "no-such-folder" / "page.html")
        with pytest.raises(QuestionInvalid):
            ledger.report_html(tmp_path / "page.html", tz="Mars/Olympus")


def test_it_goes_with_no_other_form(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (("day", "--json"), ("commits",)):
        assert main(["report", *arguments, "--html", "page.html"]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.one_engine
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "light"), (1280, "dark")])
def test_a_browser_shows_it_and_nothing_in_it_acts(
    home: Path, calls: list[Planted], tmp_path: Path, width: int, scheme: str
) -> None:
    with Ledger(home=home, background=False) as ledger:
        path = ledger.report_html(tmp_path / "page.html")
    shot = tmp_path / f"{width}-{scheme}.png"
    dark = ["--force-dark-mode", "--blink-settings=preferredColorScheme=0"]
    command = [
        str(CHROMIUM),
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path / 'profile'}",
        f"--window-size={width},1400",
        *(dark if scheme == "dark" else []),
        "--enable-logging=stderr",
    ]
    done = subprocess.run(
        [*command, "--dump-dom", f"--screenshot={shot}", path.as_uri()],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=120,
        check=True,
    )
    assert shot.stat().st_size > 10_000
    assert "<title>What the calls came to</title>" in done.stdout
    assert "CONSOLE" not in done.stderr, "nothing was blocked, for nothing was tried"
    total = re.search(r"Total USD</dt><dd>([\d.]+)<", done.stdout)
    assert total is not None
    assert Decimal(total[1]) == sum(call.usd for call in calls)

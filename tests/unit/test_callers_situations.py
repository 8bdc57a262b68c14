"""Who the caller is, from everywhere that code can stand: one module, real processes."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).parents[2]
# Calls from all that a module can have; `who` is a public function as this package has them.
EVERYWHERE = """
import asyncio, contextlib, functools, json, multiprocessing, os, sys, threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from ledger.callers.detection import detect

HOME = Path(os.environ["PROBE_HOME"])

def public():
    found = detect(sys._getframe(1), explicit=None, home=HOME)
    return [found.name, str(found.folder)]

def who():
    return public()

class Body:
    found = public()

    @property
    def lazily(self):
        return public()

    def __len__(self):
        self.seen = public()
        return 0

def generator():
    yield public()

async def task():
    await asyncio.sleep(0)
    return public()

async def agenerator():
    yield public()

async def tasks():
    made = await asyncio.gather(asyncio.create_task(task()), asyncio.to_thread(who))
    return [*made, *[each async for each in agenerator()]]

def decorated(function):
    @functools.wraps(function)
    def inner(*arguments):
        return function(*arguments)
    return inner

@contextlib.contextmanager
def managed():
    yield public()

def in_thread():
    found = []
    thread = threading.Thread(target=lambda: found.append(public()))
    thread.start()
    thread.join()
    return found[0]

def everywhere():
    body, names = Body(), {}
    len(body)
    exec("found = public()", globals(), names)
    with managed() as by_manager, ThreadPoolExecutor(1) as pool:
        return {
            "function": who(),
            "lambda": (lambda: public())(),
            "partial": functools.partial(who)(),
            "decorator": decorated(who)(),
            "generator": next(generator()),
            "comprehension": [public() for _ in range(1)][0],
            "class body": Body.found,
            "property": body.lazily,
            "special method": body.seen,
            "sort key": sorted([0], key=lambda _: names.setdefault("key", public()))
            and names["key"],
            "map": next(map(lambda _: public(), [0])),
            "exec": names["found"],
            "eval": eval("public()"),
            "context manager": by_manager,
            "thread": in_thread(),
            "pool": pool.submit(who).result(),
            "pool lambda": pool.submit(lambda: public()).result(),
            **dict(zip(["task", "to_thread", "async generator"], asyncio.run(tasks()))),
        }

def in_processes():
    found = {}
    for method in ("spawn", "forkserver", "fork"):
        if method in multiprocessing.get_all_start_methods():
            context = multiprocessing.get_context(method)
            with ProcessPoolExecutor(1, mp_context=context) as pool:
                found[method] = pool.submit(who).result()
    return found

if __name__ == "__main__":
    print(json.dumps(everywhere() | (in_processes() if "processes" in sys.argv else {})))
"""


def run(arguments: list[str], cwd: Path, stdin: str = "", **environ: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=os.environ
        | {"PYTHONPATH": str(CHECKOUT), "PROBE_HOME": str(cwd / "home"), "PYTHONUTF8": "1"}
        | environ,
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def found_in(output: str) -> dict[str, list[str]]:
    """What was found at each place, of the last line that was printed."""
    found: dict[str, list[str]] = json.loads(output.splitlines()[-1])
    return found


def expect(output: str, name: str, folder: Path | None) -> None:
    found = found_in(output)
    assert len(found) >= 20
    assert {place: who for place, who in found.items() if who != [name, str(folder)]} == {}


def write(path: Path, source: str = EVERYWHERE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source, "utf-8")
    return path


def test_a_script_is_the_caller_wherever_its_code_stands(tmp_path: Path) -> None:
    path = write(tmp_path / "flow" / "flow_probe.py")
    output = run([str(path), "processes"], tmp_path)
    expect(output, "flow_probe", tmp_path / "flow")
    if sys.platform == "linux":
        assert {"spawn", "forkserver", "fork"} <= found_in(output).keys()


def test_a_module_is_the_same_caller_as_the_script(tmp_path: Path) -> None:
    write(tmp_path / "flow" / "flow_probe.py")
    write(tmp_path / "flow" / "__init__.py", "")
    expect(run(["-m", "flow.flow_probe", "processes"], tmp_path), "flow_probe", tmp_path / "flow")


def test_an_imported_module_is_the_caller_and_not_the_prompt_above_it(tmp_path: Path) -> None:
    write(tmp_path / "flow" / "flow_probe.py")
    source = "import json; from flow import flow_probe; print(json.dumps(flow_probe.everywhere()))"
    for output in (run(["-c", source], tmp_path), run(["-"], tmp_path, source)):
        expect(output, "flow_probe", tmp_path / "flow")


@pytest.mark.parametrize("folder", ["my tools", "Żółw ♥ 日本", 'it\'s "quoted" %s {x}', "a.b"])
def test_spaces_and_any_characters_in_a_path_are_kept_in_it(tmp_path: Path, folder: str) -> None:
    path = write(tmp_path / folder / "Mój Moduł 1.py")
    expect(run([str(path)], tmp_path), "m_j_modu_1", path.parent)


def test_a_zip_is_the_caller_whatever_in_it_calls(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    archive = tmp_path / "tools" / "bot.pyz"
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("__main__.py", EVERYWHERE)
    expect(run([str(archive)], tmp_path), "bot", tmp_path / "tools")


# --- links ---------------------------------------------------------------------------------


def test_a_folder_and_a_link_to_it_are_one_folder(tmp_path: Path) -> None:
    write(tmp_path / "real" / "flow" / "probe_one.py")
    (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    source = (
        "import importlib.util, json\n"
        "def load(path):\n"
        "    spec = importlib.util.spec_from_file_location('probe', path)\n"
        "    module = importlib.util.module_from_spec(spec)\n"
        "    spec.loader.exec_module(module)\n"
        "    return module.who()\n"
        "print(json.dumps([load('link/flow/probe_one.py'), load('real/flow/probe_one.py')]))\n"
    )
    first, second = json.loads(run(["-c", source], tmp_path))
    assert first == second == ["probe_one", str(tmp_path / "link" / "flow")]


# --- frozen --------------------------------------------------------------------------------

FREEZE = """
import sys
sys.frozen, sys.executable = True, {executable!r}
{meipass}
sys.path.insert(0, {bundle!r})
import json, runpy
import os, shutil
import helper
found = dict(runpy.run_path({main!r})["everywhere"](), helper=helper.who())
print(json.dumps(found))
"""


@pytest.mark.parametrize("kind", ["one folder", "one file", "library folder"])
def test_a_frozen_program_is_told_from_what_is_frozen_with_it(tmp_path: Path, kind: str) -> None:
    program = tmp_path / "dist" / "My Bot" / "bot.exe"
    bundle, meipass = {
        "one folder": (program.parent / "_internal", True),
        "one file": (tmp_path / "tmp" / "_MEI1234", True),
        "library folder": (program.parent / "lib", False),
    }[kind]
    write(program, "")
    main = write(bundle / "main.py")
    write(bundle / "helper.py")
    source = FREEZE.format(
        executable=str(program),
        meipass=f"sys._MEIPASS = {str(bundle)!r}" if meipass else "",
        bundle=str(bundle),
        main=str(main),
    )
    found = found_in(run(["-c", source], tmp_path))
    assert found.pop("helper") == ["helper", str(program.parent)]
    assert set(map(tuple, found.values())) == {("bot", str(program.parent))}


def test_what_is_frozen_with_a_program_is_no_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ledger.callers.places import place_of

    program = tmp_path / "Bot.app" / "Contents" / "MacOS" / "bot"
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setattr(sys, "_MEIPASS", str(tmp_path / "Bot.app"), raising=False)
    kinds = {
        "base_library.zip/json/__init__.pyc": "standard",
        "threading.pyc": "standard",
        "openai/_client.pyc": "sdk",
        "google/genai/models.pyc": "sdk",
        "flow/flow_x.pyc": "module",
    }
    assert {each: place_of(str(tmp_path / "Bot.app" / each)).kind for each in kinds} == kinds
    assert place_of(str(tmp_path / "Bot.app" / "flow" / "flow_x.pyc")).folder is None


# --- prompts and notebooks -----------------------------------------------------------------


def _cell(namespace: dict[str, Any]) -> list[str | None]:
    """What a cell of a notebook finds, its kernel being in site-packages."""
    source = "import sys\nfound = detect(sys._getframe(), explicit=None, home=home)"
    exec(compile(source, "/tmp/ipykernel_1/2.py", "exec"), namespace)
    found = namespace["found"]
    return [found.name, str(found.folder)]


@pytest.mark.parametrize("says", ["__vsc_ipynb_file__", "__session__"])
def test_a_notebook_that_its_program_names_is_the_caller(tmp_path: Path, says: str) -> None:
    from ledger.callers.detection import detect

    notebook = write(tmp_path / "notes" / "My Analysis.ipynb", "{}")
    namespace: dict[str, Any] = {"__name__": "__main__", "detect": detect, "home": tmp_path / "h"}
    assert _cell(namespace | {says: str(notebook)}) == ["my_analysis", str(notebook.parent)]


@pytest.mark.parametrize("session", [None, 7, "analysis.ipynb", "/no/such/analysis.ipynb", "/x"])
def test_a_notebook_without_a_file_needs_a_name(tmp_path: Path, session: object) -> None:
    from ledger.callers.detection import detect
    from ledger.errors import CallerUnknown

    namespace: dict[str, Any] = {"__name__": "__main__", "detect": detect, "home": tmp_path / "h"}
    with pytest.raises(CallerUnknown, match="caller="):
        _cell(namespace | {"__session__": session})


def test_an_ipython_prompt_needs_a_name_and_what_it_runs_does_not(tmp_path: Path) -> None:
    pytest.importorskip("IPython")
    write(tmp_path / "flow" / "flow_probe.py")
    shell = [
        "import json, sys",
        "from pathlib import Path",
        "from ledger.callers.detection import detect",
        "def ask(name): return detect(sys._getframe(), explicit=name, home=Path('home'))",
        "named = ask('me')",
        "from flow import flow_probe",
        "imported = flow_probe.everywhere()",
        "%run flow/flow_probe.py",
        "print(json.dumps([named.name, named.folder, imported['function'], imported['thread']]))",
        "ask(None)",
    ]
    environ = {"IPYTHONDIR": str(tmp_path / "ipython"), "PYTHONPATH": f"{CHECKOUT}:{tmp_path}"}
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--quick", "--colors=NoColor", "--simple-prompt"],
        cwd=tmp_path,
        env=os.environ | environ | {"PROBE_HOME": str(tmp_path / "home")},
        input="\n".join([*shell, ""]),
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )
    module = ["flow_probe", str(tmp_path / "flow")]
    lines = done.stdout.splitlines()
    ran = next(json.loads(line[at:]) for line in lines if (at := line.find('{"function"')) >= 0)
    assert set(map(tuple, ran.values())) == {tuple(module)}
    assert json.dumps(["me", None, module, module]) in done.stdout
    assert "CallerUnknown" in done.stdout + done.stderr


# --- who runs whom -------------------------------------------------------------------------


def test_a_subprocess_is_a_caller_of_its_own(tmp_path: Path) -> None:
    write(tmp_path / "flow" / "flow_probe.py")
    parent = write(
        tmp_path / "prax" / "prax_parent.py",
        "import subprocess, sys\n"
        "print(subprocess.run([sys.executable, 'flow/flow_probe.py'],"
        " capture_output=True, text=True, check=True).stdout)",
    )
    output = run([str(parent)], tmp_path).strip()
    expect(output, "flow_probe", tmp_path / "flow")


def test_a_relative_file_is_where_it_was_run(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        write(tmp_path / folder / "job.py", "found = public()")
    source = (
        "import os, runpy, sys, json\n"
        "from pathlib import Path\n"
        "from ledger.callers.detection import detect\n"
        "def public():\n"
        "    return str(detect(sys._getframe(1), explicit=None, home=Path('/h')).folder)\n"
        "found = []\n"
        "for folder in ('one', '../two'):\n"
        "    os.chdir(folder)\n"
        "    found.append(runpy.run_path('job.py', {'public': public})['found'])\n"
        "print(json.dumps(found))\n"
    )
    found = json.loads(run(["-c", source], tmp_path))
    assert found == [str(tmp_path / "one"), str(tmp_path / "two")]

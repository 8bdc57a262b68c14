"""Which module is the caller, from real files in real folders."""

import functools
import importlib.util
import logging
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import pytest

from ledger import errors
from ledger.callers.detection import Caller, detect, transparent
from ledger.callers.known import KnownNames

CHECKOUT = Path(__file__).parents[2]
ASKING = """
import sys
from pathlib import Path
from ledger.callers.detection import detect, transparent

def ask(home, **options):
    return detect(sys._getframe(), explicit=options.pop("explicit", None), home=home, **options)

def through(function, *arguments, **options):
    return function(*arguments, **options)

@transparent
def shared(function, *arguments, **options):
    return [function(*arguments, **options) for _ in range(1)][0]
"""
# A public function as this package has it: it asks for the frame that called it.
RUN = """
import sys
from pathlib import Path
from ledger.callers.detection import detect
caller = detect(sys._getframe(), explicit={explicit!r}, home=Path({home!r}))
print(caller.name, caller.folder, caller.file, sep="|")
"""
Make = Callable[..., ModuleType]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Write a module that asks who it is, and import it."""

    def made(relative: str, name: str = "") -> ModuleType:
        path = tmp_path / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(ASKING)
        spec = importlib.util.spec_from_file_location(name or path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return made


def run(
    arguments: list[str], cwd: Path, stdin: str = "", **environ: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), **environ},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_module_in_flow_is_named_by_its_file_and_has_flow_json(
    make: Make, tmp_path: Path, home: Path
) -> None:
    caller: Caller = make("flow/flow_mbank.py").ask(home)
    assert (caller.name, caller.chain) == ("flow_mbank", "flow_mbank")
    assert caller.json_folder(home) == tmp_path / "flow" / "flow_json"
    assert caller.file == str(tmp_path / "flow" / "flow_mbank.py")


def test_the_nearest_caller_is_the_one_that_asked_and_not_who_ran_it(
    make: Make, home: Path
) -> None:
    inner, outer = make("a/inner.py"), make("a/outer.py")
    assert outer.through(inner.ask, home).name == "inner"


def test_a_transparent_module_passes_the_question_on(make: Make, home: Path) -> None:
    shared, caller = make("api/llm.py"), make("flow/flow_x.py")
    shared.__dict__["__ledger_transparent__"] = True
    assert caller.through(shared.ask, home).name == "flow_x"


def test_a_transparent_function_passes_on_also_its_comprehension_and_when_wrapped(
    make: Make, home: Path
) -> None:
    helper, caller = make("api/helper.py"), make("flow/flow_y.py")

    def ask(frame_home: Path) -> Caller:
        return detect(sys._getframe(1), explicit=None, home=frame_home)

    assert caller.through(helper.shared, ask, home).name == "flow_y"
    assert caller.through(helper.through, ask, home).name == "helper"
    assert transparent(helper.through) is helper.through
    assert caller.through(helper.through, ask, home).name == "flow_y"


def test_an_equal_function_of_another_file_is_not_transparent_with_it(
    make: Make, home: Path
) -> None:
    marked, other = make("one/marked.py"), make("two/other.py")
    transparent(marked.ask)
    assert marked.ask.__code__ == other.ask.__code__
    assert other.ask(home).name == "other"


def test_transparent_refuses_what_has_no_code() -> None:
    with pytest.raises(TypeError, match="no code"):
        transparent(print)


def test_a_transparent_path_is_a_file_or_a_folder(make: Make, tmp_path: Path, home: Path) -> None:
    shared, caller = make("lib/llm.py"), make("flow/flow_z.py")
    for path in (tmp_path / "lib", tmp_path / "lib" / "llm.py"):
        assert caller.through(shared.ask, home, transparent_paths=(path,)).name == "flow_z"
    elsewhere = (tmp_path / "li",)
    assert caller.through(shared.ask, home, transparent_paths=elsewhere).name == "llm"


def test_installed_packages_are_not_the_caller_of_a_module(make: Make, home: Path) -> None:
    package, caller = make("venv/site-packages/agents/run.py"), make("app1/mine.py")
    assert caller.through(package.ask, home).name == "mine"


def _alone(home: Path, *modules: ModuleType) -> Caller:
    """Who is found when modules call each other, in order, with nothing of a user above them."""
    first, *rest = (*(module.through for module in modules[:-1]), modules[-1].ask)
    # A pool's thread has a stack of its own: above the first there is only the standard library.
    with ThreadPoolExecutor(1) as pool:
        caller: Caller = pool.submit(functools.partial(first, *rest, home)).result()
    return caller


def test_with_installed_packages_only_the_outermost_that_is_no_sdk_is_the_caller(
    make: Make, home: Path
) -> None:
    sdk = make("v/site-packages/openai/client.py")
    inner = make("v/site-packages/inner_pkg/x.py")
    outer = make("v/site-packages/Outer-Pkg/sub/x.py")
    caller = _alone(home, sdk, outer, inner, sdk)
    assert (caller.name, caller.folder) == ("outer-pkg", None)
    assert caller.json_folder(home) == home / "callers" / "outer-pkg"


def test_an_sdk_alone_in_a_thread_is_nobody(make: Make, home: Path) -> None:
    with pytest.raises(errors.CallerUnknown, match="caller="):
        _alone(home, make("v/site-packages/openai/client.py"))


def test_a_package_linked_into_site_packages_is_installed(
    make: Make, tmp_path: Path, home: Path
) -> None:
    make("cache/hash/linked/x.py")
    (tmp_path / "v" / "site-packages").mkdir(parents=True)
    (tmp_path / "v" / "site-packages" / "linked").symlink_to(tmp_path / "cache/hash/linked")
    path = tmp_path / "v/site-packages/linked/x.py"
    spec = importlib.util.spec_from_file_location("linked.x", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert _alone(home, module).folder is None


def test_a_users_module_named_like_this_package_or_an_sdk_is_a_caller(
    make: Make, home: Path
) -> None:
    assert make("p/ledger_x.py", "ledger_x").ask(home).name == "ledger_x"
    assert make("p/ledger.py", "ledger.fake").ask(home).name == "ledger"
    assert make("p/openai.py").ask(home).name == "openai"


def test_a_stdlib_frame_between_is_skipped(make: Make, home: Path) -> None:
    caller = make("flow/sorter.py")
    assert caller.through(functools.partial(caller.ask, home)).name == "sorter"
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(caller.ask, home).result().name == "sorter"


def test_a_second_folder_with_a_known_name_gets_the_folder_in_front_logged_once(
    make: Make, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = make("one/worker.py"), make("two/worker.py")
    with caplog.at_level(logging.WARNING, "ledger"):
        assert first.ask(home).name == "worker"
        assert second.ask(home).name == "two.worker"
        assert second.ask(home).name == "two.worker"
        assert first.ask(home).name == "worker"
    assert len([r for r in caplog.records if "two.worker" in r.getMessage()]) == 1


def test_names_that_the_books_know_keep_their_folder(make: Make, home: Path) -> None:
    known = KnownNames()
    known.learn("taken", Path("/elsewhere/flow"))
    assert make("three/taken.py").ask(home, known=known).name == "three.taken"


def test_an_explicit_name_goes_to_its_known_folder_else_to_where_the_call_came_from(
    make: Make, tmp_path: Path, home: Path
) -> None:
    owner, other = make("flow/flow_owner.py"), make("lib/lib_other.py")
    before = other.ask(home, explicit="flow_owner")
    assert before.folder == tmp_path / "lib"
    owner.ask(home)
    after = other.ask(home, explicit="multi:boss->flow_owner")
    assert (after.name, after.folder) == ("flow_owner", tmp_path / "flow")
    assert after.chain == "boss->flow_owner"


def test_a_name_that_is_no_text_is_refused(make: Make, home: Path) -> None:
    with pytest.raises(errors.CallerInvalid, match="not list"):
        make("a/b.py").ask(home, explicit=["x"])


def test_code_without_a_file_belongs_to_the_module_that_runs_it(make: Make, home: Path) -> None:
    module = make("runner/execs.py")
    variables: dict[str, object] = {"ask": module.ask, "home": home, "detect": detect}
    source = "import sys\nwho = detect(sys._getframe(), explicit=None, home=home)"
    module.through(exec, compile(source, "<generated>", "exec"), variables)
    who = variables["who"]
    assert isinstance(who, Caller)
    assert who.name == "execs"


def test_scripts_modules_and_links_are_told_by_their_path(tmp_path: Path, home: Path) -> None:
    folder = tmp_path / "My Tools \u00e9"
    folder.mkdir()
    source = RUN.format(explicit=None, home=str(home))
    (folder / "Job One.py").write_text(source)
    (folder / "__main__.py").write_text(source)
    (folder / "linked.py").symlink_to(folder / "Job One.py")
    shown = {
        name: run([str(folder / name)], tmp_path, PYTHONIOENCODING="utf-8").stdout.strip()
        for name in ("Job One.py", "linked.py")
    }
    assert shown["Job One.py"].split("|")[:2] == ["job_one", str(folder)]
    assert shown["linked.py"].split("|")[:2] == ["linked", str(folder)]
    module = run(["-m", folder.name], tmp_path, PYTHONIOENCODING="utf-8").stdout
    assert module.split("|")[:2] == ["my_tools_", str(folder)]


def test_a_prompt_has_no_file_and_needs_a_name(tmp_path: Path, home: Path) -> None:
    unnamed, named = (RUN.format(explicit=each, home=str(home)) for each in (None, "me"))
    for arguments, stdin in ((["-c", unnamed], ""), (["-"], unnamed), (["-i", "-q"], unnamed)):
        assert "CallerUnknown" in run(arguments, tmp_path, stdin).stderr
    for arguments, stdin in ((["-c", named], ""), (["-"], named)):
        assert run(arguments, tmp_path, stdin).stdout.strip() == "me|None|None"


def test_a_zip_is_a_caller_whose_files_stand_beside_it(tmp_path: Path, home: Path) -> None:
    (tmp_path / "tools").mkdir()
    with zipfile.ZipFile(tmp_path / "tools" / "bot.pyz", "w") as archive:
        archive.writestr("__main__.py", RUN.format(explicit=None, home=str(home)))
    shown = run([str(tmp_path / "tools" / "bot.pyz")], tmp_path).stdout
    assert shown.split("|")[:2] == ["bot", str(tmp_path / "tools")]


def test_when_all_that_called_is_transparent_nobody_is_the_caller(make: Make, home: Path) -> None:
    module = make("lib/all.py")
    module.__dict__["__ledger_transparent__"] = True
    with pytest.raises(errors.CallerUnknown):
        _alone(home, module)
    with pytest.raises(errors.CallerUnknown):
        detect(None, explicit=None, home=home)
    assert detect(None, explicit="me", home=home).folder is None

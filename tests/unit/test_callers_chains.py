"""The chain: blocks, functions of every kind, threads, pools, processes, and what joins it."""

import asyncio
import functools
import importlib.util
import logging
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import ledger
from ledger import errors
from ledger.callers.blocks import members_of, open_blocks
from ledger.callers.carrying import patch_threads
from ledger.callers.chains import detect_in_chain

CHECKOUT = Path(__file__).parents[2]
ASKING = """
import sys
import ledger
from ledger.callers.chains import detect_in_chain

def ask(home, explicit=None, **options):
    found = detect_in_chain(sys._getframe(), explicit=explicit, home=home, **options)
    return found.name, found.chain

def inside(name, home, explicit=None, **options):
    with ledger.caller(name):
        return ask(home, explicit, **options)

def through(name, function, *arguments, **options):
    with ledger.caller(name):
        return function(*arguments, **options)
"""
Make = Callable[..., ModuleType]


def chain() -> str:
    """What is open here."""
    return "->".join(members_of(open_blocks.get()))


def module_level() -> str:
    """One that a pool of processes can import."""
    return chain()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Write a module that asks who it is, and import it."""

    def made(relative: str, more: str = "") -> ModuleType:
        path = tmp_path / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(ASKING + more)
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return made


# --- what joins the chain -------------------------------------------------------------------


def test_nested_blocks_of_three_modules_make_the_chain(make: Make, home: Path) -> None:
    orchestrator, skill1, skill2 = (make(f"skills/{n}.py") for n in ("orchestrator", "s1", "s2"))
    run = functools.partial(skill1.through, "skill1", skill2.inside, "skill2", home)
    assert orchestrator.through("orchestrator", run) == ("skill2", "orchestrator->skill1->skill2")


def test_a_module_that_calls_inside_a_block_of_another_joins_as_the_last(
    make: Make, home: Path
) -> None:
    outer, inner = make("flow/outer.py"), make("flow/inner.py")
    assert outer.through("orchestrator", inner.ask, home) == ("inner", "orchestrator->inner")


def test_the_module_that_opened_the_block_is_who_the_block_says(make: Make, home: Path) -> None:
    module = make("flow/app.py")
    assert module.inside("orchestrator", home) == ("orchestrator", "orchestrator")
    assert module.through("a", module.inside, "b", home) == ("b", "a->b")


def test_a_module_called_back_inside_another_ones_block_joins_again(make: Make, home: Path) -> None:
    outer, inner = make("flow/outer.py"), make("flow/inner.py")
    called_back = functools.partial(inner.through, "inner", outer.ask, home)
    assert outer.through("outer", called_back) == ("outer", "outer->inner->outer")


def test_an_explicit_name_joins_and_an_explicit_chain_is_whole(make: Make, home: Path) -> None:
    module = make("flow/app.py")
    assert module.inside("a", home, "b") == ("b", "a->b")
    assert module.inside("a", home, "a") == ("a", "a")
    assert module.inside("a", home, "x->y") == ("y", "x->y")
    assert module.inside("a", home, "multi_skill:x") == ("x", "x")
    assert module.ask(home, "multi_skill:orchestrator->skill1->skill2") == (
        "skill2",
        "orchestrator->skill1->skill2",
    )


def test_transparent_helpers_neither_open_nor_join(make: Make, home: Path) -> None:
    helper, module = make("flow/llm.py"), make("flow/app.py")
    paths = (Path(str(helper.__file__)),)
    asked = functools.partial(helper.inside, "job", home, transparent_paths=paths)
    assert module.through("outer", asked) == ("job", "outer->job")
    assert module.through("outer", helper.ask, home, transparent_paths=paths)[1] == "outer"
    marked = make("flow/marked.py", "__ledger_transparent__ = True\n")
    assert module.through("outer", marked.inside, "job", home) == ("job", "outer->job")


def test_a_call_without_any_module_is_the_blocks(home: Path) -> None:
    with ledger.caller("skill1"):
        assert detect_in_chain(None, explicit=None, home=home).chain == "skill1"
    with pytest.raises(errors.CallerUnknown):
        detect_in_chain(None, explicit=None, home=home)


def test_a_member_that_follows_itself_is_not_repeated(make: Make, home: Path) -> None:
    module = make("flow/walker.py")
    outer = make("flow/outer.py")
    assert module.through("walker", module.inside, "walker", home)[1] == "walker"
    assert outer.through("walker", module.ask, home) == ("walker", "walker")


def test_a_chain_in_a_block_adds_all_its_members() -> None:
    with ledger.caller("multi_skill:a->b"), ledger.caller("b->c"):
        assert chain() == "a->b->c"
    assert chain() == ""


@pytest.mark.parametrize("name", ["", "Flow", "a->", "../x", "a b", None, 7, b"a", ["a"]])
def test_what_can_be_no_name_is_refused_where_it_is_written(name: Any) -> None:
    with pytest.raises(errors.CallerInvalid):
        ledger.caller(name)


def test_a_chain_that_runs_in_a_circle_ends_in_a_typed_error(make: Make, home: Path) -> None:
    def circle(depth: int) -> None:
        with ledger.caller(f"s{depth % 2}"):
            circle(depth + 1)

    with pytest.raises(errors.ChainTooDeep, match=r"s0->s1->s0->\.\.\.->.* has 33 members"):
        circle(0)
    assert chain() == ""
    deep = "->".join(f"s{n}" for n in range(32))
    module = make("flow/last.py")
    outer = make("flow/outer.py")
    assert module.ask(home, deep)[0] == "s31"
    calls: list[Callable[[], Any]] = [
        lambda: module.ask(home, f"{deep}->s32"),
        lambda: outer.through(deep, module.ask, home),
        lambda: module.inside(deep, home, "other"),
    ]
    for call in calls:
        with pytest.raises(errors.ChainTooDeep):
            call()


# --- blocks ---------------------------------------------------------------------------------


def test_a_block_is_closed_by_an_exception_and_can_be_opened_again() -> None:
    block = ledger.caller("a")
    with pytest.raises(ZeroDivisionError), block:
        raise ZeroDivisionError
    with block, block:
        assert chain() == "a"
    assert chain() == ""


def test_blocks_that_close_out_of_order_close_themselves_alone() -> None:
    one, two = ledger.caller("one"), ledger.caller("two")
    one.__enter__()
    two.__enter__()
    one.__exit__()
    assert chain() == "two"
    two.__exit__()
    assert chain() == ""
    two.__exit__()


def test_functions_of_every_kind_run_in_a_block_of_their_own() -> None:
    seen: list[str] = []

    @ledger.caller("plain")
    def plain(value: int, *, more: int = 0) -> tuple[str, int]:
        """Its own words."""
        return chain(), value + more

    @ledger.caller("coroutine")
    async def coroutine() -> str:
        await asyncio.sleep(0)
        return chain()

    @ledger.caller("generator")
    def generator() -> Iterator[str]:
        try:
            sent = yield chain()
            with ledger.caller("inner"):
                yield f"{chain()} {sent}"
        finally:
            seen.append(chain())

    @ledger.caller("agenerator")
    async def agenerator() -> AsyncIterator[str]:
        try:
            sent = yield chain()
            yield f"{chain()} {sent}"
        finally:
            seen.append(chain())

    async def consume() -> None:
        stream: Any = agenerator()
        assert await anext(stream) == "outer->agenerator"
        assert chain() == "outer"
        assert await stream.asend("x") == "outer->agenerator x"
        await stream.aclose()
        assert chain() == "outer"

    with ledger.caller("outer"):
        assert plain(1, more=2) == ("outer->plain", 3)
        assert plain.__doc__ == "Its own words."
        assert asyncio.run(coroutine()) == "outer->coroutine"
        running: Any = generator()
        assert next(running) == "outer->generator"
        assert chain() == "outer"
        assert running.send("x") == "outer->generator->inner x"
        assert chain() == "outer"
        running.close()
        asyncio.run(consume())
    assert seen == ["outer->generator", "outer->agenerator"]
    assert chain() == ""


def test_a_decorated_generator_gets_what_its_consumer_throws_and_gives_its_result() -> None:
    @ledger.caller("generator")
    def generator() -> Any:
        try:
            yield 1
        except KeyError:
            yield chain()
        return "done"

    running: Any = generator()
    assert next(running) == 1
    assert running.throw(KeyError()) == "generator"
    with pytest.raises(StopIteration) as end:
        next(running)
    assert end.value.value == "done"

    @ledger.caller("agenerator")
    async def agenerator() -> AsyncIterator[Any]:
        try:
            yield 1
        except KeyError:
            yield chain()

    async def consume() -> None:
        stream: Any = agenerator()
        await anext(stream)
        assert await stream.athrow(KeyError()) == "agenerator"
        with pytest.raises(StopAsyncIteration):
            await anext(stream)

    asyncio.run(consume())


def test_decorating_what_is_no_function_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="decorates functions"):
        ledger.caller("a")(7)  # type: ignore[arg-type]


def test_tasks_have_the_chain_by_themselves_and_do_not_mix() -> None:
    async def step(name: str) -> str:
        with ledger.caller(name):
            await asyncio.sleep(0.001)
            return await asyncio.create_task(inner())

    async def inner() -> str:
        await asyncio.sleep(0)
        return await asyncio.to_thread(chain)

    async def main() -> list[str]:
        with ledger.caller("outer"):
            return await asyncio.gather(*(step(f"s{n}") for n in range(20)))

    assert asyncio.run(main()) == [f"outer->s{n}" for n in range(20)]


# --- threads, pools, processes ---------------------------------------------------------------


class Work:
    """Something with a method."""

    def method(self, _item: int = 0) -> str:
        return chain()


@pytest.mark.parametrize(
    "function",
    [chain, Work().method, functools.partial(Work().method, 1), module_level],
    ids=["function", "method", "partial", "module"],
)
def test_carry_takes_the_chain_into_threads_and_leaves_none_there(
    function: Callable[[], str],
) -> None:
    with ThreadPoolExecutor(1) as pool:
        with ledger.caller("a"):
            carried, bare = ledger.carry(function), pool.submit(function)
        assert bare.result() == ""
        assert pool.submit(carried).result() == "a"
        with ledger.caller("b"):
            assert pool.submit(carried).result() == "a"
            assert carried() == "a"
        assert pool.submit(function).result() == ""


def test_one_carried_function_runs_in_many_threads_at_once() -> None:
    gate = threading.Barrier(8)

    def work(_item: int) -> str:
        gate.wait(10)
        with ledger.caller("inner"):
            return chain()

    with ThreadPoolExecutor(8) as pool, ledger.caller("a"):
        assert set(pool.map(ledger.carry(work), range(8))) == {"a->inner"}


def test_carry_serves_coroutines_and_generators() -> None:
    async def coroutine() -> str:
        await asyncio.sleep(0)
        return chain()

    def generator() -> Iterator[str]:
        yield chain()

    with ledger.caller("a"):
        carried, iterated = ledger.carry(coroutine), ledger.carry(generator)
    assert asyncio.run(carried()) == "a"
    assert list(iterated()) == ["a"]


def test_a_carried_function_can_go_to_a_pool_of_processes() -> None:
    import multiprocessing

    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool, ledger.caller("a->b"):
        assert pool.submit(ledger.carry(module_level)).result(60) == "a->b"


def test_patched_threads_and_pools_carry_by_themselves_until_it_is_undone() -> None:
    before = (threading.Thread.start, ThreadPoolExecutor.submit)
    found: list[str] = []

    def in_thread() -> None:
        found.append(chain())

    def run_thread() -> None:
        thread = threading.Thread(target=in_thread)
        thread.start()
        thread.join()

    undo = patch_threads()
    try:
        with ThreadPoolExecutor(1) as pool:
            with ledger.caller("a"):
                assert pool.submit(chain).result() == "a"
                assert list(pool.map(Work().method, [1])) == ["a"]
                run_thread()
            assert pool.submit(chain).result() == "", "the pool's thread began inside the block"
            run_thread()
    finally:
        undo()
    assert found == ["a", ""]
    assert (threading.Thread.start, ThreadPoolExecutor.submit) == before
    with ledger.caller("a"):
        run_thread()
    assert found[-1] == ""


SHOW = "import ledger\nfrom ledger.callers.blocks import members_of, open_blocks\n"
SHOW += "print(*members_of(open_blocks.get()), sep='->')"


def child(code: str = SHOW, **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={"PYTHONPATH": str(CHECKOUT), **environ},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def test_a_child_process_goes_on_with_the_chain_and_this_ones_environment_stays() -> None:
    before = dict(os.environ)
    with ledger.caller("a"), ledger.caller("b"):
        env = ledger.child_env()
        assert env == before | {"LEDGER_CHAIN": "a->b"}
        assert ledger.child_env({"X": "1"}) == {"X": "1", "LEDGER_CHAIN": "a->b"}
    assert dict(os.environ) == before
    assert child(**ledger.child_env({"LEDGER_CHAIN": "stale"})).stdout == "\n"
    done = child(LEDGER_CHAIN="a->b")
    assert (done.stdout, done.stderr) == ("a->b\n", "")
    nested = "import ledger\nwith ledger.caller('c'): print(ledger.child_env()['LEDGER_CHAIN'])"
    assert child(nested, LEDGER_CHAIN="a->b").stdout == "a->b->c\n"


@pytest.mark.parametrize(
    "value",
    ["a->", "A", "a b", "x" * 5000, "->".join(["a", "b"] * 40), "a\x1b[31m", "ü->\u202e", "->" * 9],
)
def test_a_hostile_chain_in_the_environment_is_ignored_with_one_line_that_does_not_show_it(
    value: str,
) -> None:
    code = "import logging\nlogging.basicConfig(format='%(message)s')\n" + SHOW
    code += "\nfrom ledger.callers import blocks\nblocks._inherited()"
    done = child(code, LEDGER_CHAIN=value)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "\n"
    assert done.stderr == "LEDGER_CHAIN is no chain, so it is ignored\n"


def test_a_module_of_a_child_process_joins_what_it_inherited(tmp_path: Path) -> None:
    module = tmp_path / "flow" / "worker.py"
    module.parent.mkdir()
    module.write_text(f"{ASKING}\nfrom pathlib import Path\nprint(*ask(Path({str(tmp_path)!r})))\n")
    environ = {"PYTHONPATH": str(CHECKOUT), "LEDGER_CHAIN": "a->b"}
    done = subprocess.run(
        [sys.executable, str(module)], env=environ, capture_output=True, text=True, check=False
    )
    assert done.stdout == "worker a->b->worker\n", done.stderr
    assert child("import sys; sys.argv; " + SHOW, LEDGER_CHAIN="a").stdout == "a\n"


def test_the_log_line_of_a_hostile_chain_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="ledger"), ledger.caller("fine"):
        pass
    assert caplog.records == []

"""What `adopt` lists, and what it leaves alone. Sources are read, never run."""

import textwrap
from pathlib import Path

import pytest

from ledger.adoption import sdks
from ledger.adoption.scan import Report, scan
from ledger.errors import ConfigInvalid, NotFoundInLedger

URL = "https://openrouter.ai/api/v1"


def look(tmp_path: Path, source: str, *named: str) -> Report:
    path = tmp_path / "module.py"
    path.write_text(textwrap.dedent(source), "utf-8")
    return scan(path, named)


def changes(tmp_path: Path, source: str, *named: str) -> list[str]:
    found = look(tmp_path, source, *named)
    assert not found.unreadable
    return [call.change for call in found.calls]


@pytest.fixture(autouse=True)
def _families(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the newest packages were installed, whatever is."""
    older = {"openrouter", "langchain_openrouter"}
    monkeypatch.setattr(
        sdks, "family_of", lambda package: "httpx" if package in older else "httpx2"
    )


@pytest.mark.parametrize(
    ("line", "change"),
    [
        ("c = openai.OpenAI()", "c = ledger.openai()"),
        ("c = AI(api_key='k', timeout=3)", "c = ledger.openai(api_key='k', timeout=3)"),
        ("c = openai.AsyncOpenAI()", "c = ledger.async_openai()"),
        (
            "c = AI(base_url=URL, api_key=key)",
            'c = AI(base_url=URL, api_key=key, http_client=ledger.http_client("httpx2"))',
        ),
        (
            "run('é', AI(base_url=URL,), 'ü')",
            "run('é', AI(base_url=URL, http_client=ledger.http_client(\"httpx2\")), 'ü')",
        ),
        (
            "c = AI(base_url='http://localhost:11434/v1')",
            (
                "c = AI(base_url='http://localhost:11434/v1', "
                "http_client=ledger.http_client(\"httpx2\", hosts=['http://localhost:11434/v1']))"
            ),
        ),
        (
            "c = AI(base_url=URL, http_client=other)",
            'say http_client=ledger.http_client("httpx2")',
        ),
        ("c = AI(\n    base_url=URL,\n)", 'add http_client=ledger.http_client("httpx2")'),
        (
            "c = anthropic.Anthropic(api_key=key)",
            (
                'c = anthropic.Anthropic(api_key=key, base_url="https://openrouter.ai/api", '
                'http_client=ledger.http_client("httpx2"))'
            ),
        ),
        (
            "c = anthropic.AsyncAnthropic(base_url=URL)",
            (
                "c = anthropic.AsyncAnthropic(base_url=URL, "
                'http_client=ledger.async_http_client("httpx2"))'
            ),
        ),
        (
            "c = OpenRouter()",
            (
                'c = OpenRouter(client=ledger.http_client("httpx"), '
                'async_client=ledger.async_http_client("httpx"))'
            ),
        ),
        (
            "c = ChatOpenAI(model='m', openai_api_base=URL)",
            (
                "c = ChatOpenAI(model='m', openai_api_base=URL, "
                'http_client=ledger.http_client("httpx2"), '
                'http_async_client=ledger.async_http_client("httpx2"))'
            ),
        ),
        (
            "c = OpenRouterProvider(api_key=key)",
            'c = OpenRouterProvider(api_key=key, http_client=ledger.async_http_client("httpx2"))',
        ),
        (
            "c = httpx.Client(base_url=URL)",
            'c = httpx.Client(base_url=URL, transport=ledger.transport(family="httpx"))',
        ),
        ("litellm.completion(model='m')", "ledger.install()"),
        ("await litellm.acompletion(model='m')", "ledger.install()"),
        ("openai.responses.create(model='m')", "ledger.install()"),
        ("ChatOpenRouter(model='m')", "ledger.install()"),
        ("Agent('openrouter:anthropic/claude')", "ledger.install()"),
        ("Agent(model=MODEL)", "ledger.install()"),
        ("OpenAIChatModel('m', provider='openrouter')", "ledger.install()"),
        ("httpx.post(URL + '/chat/completions')", 'ledger.http_client("httpx").post(...)'),
    ],
)
def test_each_call_gets_its_one_line_change(tmp_path: Path, line: str, change: str) -> None:
    head = f"""\
    import anthropic, httpx, litellm, openai
    from openai import OpenAI as AI
    from openrouter import OpenRouter
    from langchain_openai import ChatOpenAI
    from langchain_openrouter import ChatOpenRouter
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openrouter import OpenRouterProvider
    URL = "{URL}"
    MODEL = "openrouter:openai/gpt-4o"
    """
    assert changes(tmp_path, textwrap.dedent(head) + line) == [change]


@pytest.mark.parametrize(
    "line",
    [
        "requests.post(f'{URL}/chat/completions')",
        "requests.Session().post(URL + '/responses')",
        "requests.request('POST', url=URL + '/messages')",
        "requests.post('%s/embeddings' % URL)",
        "requests.post('{}/embeddings'.format(URL))",
        "requests.post(os.getenv('BASE', URL) + '/rerank')",
        "requests.post((given or URL) + '/rerank')",
        "requests.post(urljoin(URL, '/images'))",
        "requests.post(URL + path)",
        "requests.post(f'{base}/chat/completions')",
        "urllib.request.urlopen(URL + '/chat/completions', data)",
        "urlopen(Request(URL + '/chat/completions', data))",
        "with requests.Session() as s: s.post(URL + '/videos')",
        "def f(s: aiohttp.ClientSession, url=URL + '/videos'): s.post(url)",
        "c = http.client.HTTPSConnection(HOST); c.request('POST', '/api/v1/chat/completions')",
        "self.session.post(self.url + '/chat/completions')",
    ],
)
def test_requests_of_other_libraries_are_listed(tmp_path: Path, line: str) -> None:
    head = f"""\
    import os, aiohttp, http.client, requests, urllib.request
    from urllib.parse import urljoin
    from urllib.request import Request, urlopen
    URL = "{URL}"
    """
    (call,) = look(tmp_path, textwrap.dedent(head) + line).calls
    assert "no client that the ledger can watch" in call.why
    assert not call.by_install


@pytest.mark.parametrize(
    "line",
    [
        "AI(base_url=URL, http_client=ledger.http_client('httpx2'))",
        "AI(base_url=URL, http_client=http_client('httpx2'))",
        "ours = books.http_client(); AI(base_url=URL, http_client=ours)",
        "AI(base_url=URL, http_client=httpx.Client(transport=ledger.transport()))",
        "with ledger.http_client() as c: c.post(URL + '/chat/completions')",
        "c = httpx.Client(transport=books.transport()); c.post(URL + '/chat/completions')",
        "httpx.Client(base_url=URL, transport=ledger.transport())",
        "ledger.openai().chat.completions.create(model='m')",
        "ledger.get_response('Hello', model='m')",
        "provider = OpenAIProvider(openai_client=ledger.async_openai())",
        "Agent('openai:gpt-4o')",
        "requests.get(URL + '/models')",
        "requests.post(URL + '/keys')",
        "requests.request('GET', URL + path)",
        "requests.post('https://api.example.com/v1/chat/completions')",
        "requests.post('https://openrouter.ai.example/api/v1/chat/completions')",
        "@app.post('/v1/chat/completions')\ndef serve(): ...",
        "print('https://openrouter.ai/api/v1/chat/completions')",
        "AI()  # ledger: ignore",
        "AI(\n    base_url=URL,  #ledger:ignore (a reason)\n)",
    ],
)
def test_what_is_on_the_books_or_no_call_is_left_alone(tmp_path: Path, line: str) -> None:
    head = f"""\
    import httpx, ledger, requests
    from fastapi import FastAPI
    from ledger import Ledger, http_client
    from openai import OpenAI as AI
    from pydantic_ai import Agent
    from pydantic_ai.providers.openai import OpenAIProvider
    URL = "{URL}"
    app = FastAPI()
    books = Ledger()
    """
    assert changes(tmp_path, textwrap.dedent(head) + line) == []


def test_a_finding_names_file_and_line(tmp_path: Path) -> None:
    (call,) = look(tmp_path, "\nfrom openai import OpenAI\n\nclient = OpenAI()\n").calls
    assert (call.file, call.line) == (str(tmp_path / "module.py"), 4)
    assert call.call == "openai.OpenAI"


def test_a_client_kept_on_an_object_is_followed(tmp_path: Path) -> None:
    source = f"""
    import httpx
    import ledger

    class Api:
        url = "{URL}"

        def __init__(self):
            self.plain = httpx.Client()
            self.ours = ledger.http_client()

        def ask(self):
            self.ours.post(f"{{self.url}}/chat/completions")
            self.plain.post(f"{{self.url}}/chat/completions")
    """
    (call,) = look(tmp_path, source).calls
    assert call.line == 14


def test_a_client_for_the_host_is_listed_once_where_it_is_made(tmp_path: Path) -> None:
    source = f"""
    import httpx
    c = httpx.Client(base_url="{URL}")
    c.post("/chat/completions")
    """
    assert [call.line for call in look(tmp_path, source).calls] == [3]


def test_install_covers_what_the_file_imports_but_no_library_beside_httpx(tmp_path: Path) -> None:
    files = {
        "main.py": "import ledger\nfrom flow import report\nledger.install()\n",
        "flow/__init__.py": "",
        "flow/report.py": "import litellm\nfrom . import deep\nlitellm.completion()\n",
        "flow/deep.py": f"import requests\nrequests.post('{URL}/embeddings')\n",
        "other.py": "import litellm\nlitellm.completion()\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    found = scan(tmp_path)
    assert [Path(call.file).name for call in found.calls] == ["deep.py", "other.py"]
    assert found.files == 5


def test_a_constant_of_a_neighbour_is_known(tmp_path: Path) -> None:
    (tmp_path / "config.py").write_text(f"BASE = '{URL}'\n", "utf-8")
    (tmp_path / "x.py").write_text(
        "import requests\nfrom config import BASE\nrequests.post(BASE + '/embeddings')\n", "utf-8"
    )
    assert [Path(call.file).name for call in scan(tmp_path).calls] == ["x.py"]


def test_other_peoples_code_is_not_read(tmp_path: Path) -> None:
    for folder in (".venv", "site-packages", "node_modules", ".git", "mine", "env3"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.py").write_text("import openai\nopenai.OpenAI()\n", "utf-8")
    (tmp_path / "env3" / "pyvenv.cfg").write_text("", "utf-8")
    (tmp_path / "mine" / "notes.txt").write_text("openai.OpenAI()", "utf-8")
    found = scan(tmp_path)
    assert [Path(call.file).parent.name for call in found.calls] == ["mine"]
    assert found.files == 1


def test_a_file_that_is_no_python_is_named_and_not_clean(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def (", "utf-8")
    (tmp_path / "binary.py").write_bytes(b"\0\xff")
    (tmp_path / "latin.py").write_bytes(b"# -*- coding: latin-1 -*-\nx = '\xe9'\n")
    (tmp_path / "deep.py").write_text("x = " + "-" * 100_000 + "1", "utf-8")
    (tmp_path / "long.py").write_text("f.post(" + "'a' + " * 3000 + "'b')", "utf-8")
    found = scan(tmp_path)
    names = [Path(file).name for file in found.unreadable]
    assert names == ["binary.py", "broken.py", "deep.py", "long.py"]
    assert not found.is_clean


def test_a_named_host_counts_too(tmp_path: Path) -> None:
    source = "import requests\nrequests.post('https://proxy.example/v1/chat/completions')\n"
    assert changes(tmp_path, source) == []
    assert len(changes(tmp_path, source, "proxy.example")) == 1
    with pytest.raises(ConfigInvalid):
        scan(tmp_path, ["no host"])


def test_names_that_stand_for_each_other_end(tmp_path: Path) -> None:
    source = "a = b\nb = a\nu = u + u + u\nu = v or u\nv = u + v\na.post(u + '/chat/completions')"
    assert len(changes(tmp_path, source)) == 1


def test_no_path_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotFoundInLedger):
        scan(tmp_path / "nowhere")


def test_this_package_itself_has_nothing_to_adopt() -> None:
    assert scan(Path(__file__).parents[2] / "ledger").is_clean

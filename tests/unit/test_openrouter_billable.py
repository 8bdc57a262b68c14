import pytest

from ledger.errors import ConfigInvalid
from ledger.openrouter import billable, hosts
from ledger.openrouter.hosts import OPENROUTER, Below, below

BASE = "http://127.0.0.1:8080/api/v1"


@pytest.mark.parametrize("endpoint", billable.ALL, ids=lambda endpoint: endpoint.name)
def test_every_endpoint_is_recognised_by_method_and_path(endpoint: billable.Service) -> None:
    path = f"/{endpoint.name}"
    assert billable.recognise("POST", path) is endpoint
    assert billable.recognise("POST", f"{path}/") is endpoint
    for method in ("GET", "PUT", "DELETE", "HEAD", "post"):
        assert billable.recognise(method, path) is None
    for other in (f"/x{path}", f"{path}/x", f"{path}x", path.upper()):
        assert billable.recognise("POST", other) is None


@pytest.mark.parametrize("name", ["chat/completions", "responses", "messages"])
def test_a_presets_own_path_is_the_endpoints(name: str) -> None:
    found = billable.recognise("POST", f"/presets/my-preset/{name}")
    assert found is not None
    assert found.name == name
    assert billable.recognise("POST", f"/presets/{name}") is None
    assert billable.recognise("POST", f"/presets/a/b/{name}") is None
    assert billable.recognise("POST", "/presets/a/embeddings") is None


@pytest.mark.parametrize(
    ("method", "path", "is_job"),
    [
        ("GET", "/videos/job-1", True),
        ("GET", "/videos/job-1/", True),
        ("GET", "/videos", False),
        ("GET", "/videos/models", False),
        ("GET", "/videos/job-1/content", False),
        ("POST", "/videos/job-1", False),
        ("DELETE", "/videos/job-1", False),
    ],
)
def test_a_videos_status_is_told_from_what_else_is_below_videos(
    method: str,
    path: str,
    is_job: bool,  # noqa: FBT001 - a case of the table
) -> None:
    assert (billable.recognise(method, path) is billable.VIDEO_JOB) is is_job
    assert billable.job_of("/videos/job-1") == "job-1"


@pytest.mark.parametrize(
    ("in_body", "in_header", "found"),
    [
        ("gen-1", "gen-2", "gen-1"),
        ("gen-1", None, "gen-1"),
        ("msg_1", "gen-2", "gen-2"),
        ("msg_1", None, "msg_1"),
        (None, "gen-2", "gen-2"),
        ("", "gen-2", "gen-2"),
        (None, None, None),
    ],
)
def test_an_id_of_another_make_yields_to_the_header(
    in_body: str | None, in_header: str | None, found: str | None
) -> None:
    assert billable.generation_id(in_body, in_header) == found


@pytest.mark.parametrize(
    ("url", "found"),
    [
        (f"{BASE}/embeddings", Below(BASE, "/embeddings")),
        (f"{BASE}/videos/a?b=c", Below(BASE, "/videos/a")),
        ("http://127.0.0.1:8080/api/v1", None),
        ("http://127.0.0.1:8080/v1/embeddings", None),
        ("http://127.0.0.1:8080/api/v12/embeddings", None),
        ("http://127.0.0.1:8081/api/v1/embeddings", None),
        ("https://127.0.0.1:8080/api/v1/embeddings", None),
        ("http://localhost:8080/api/v1/embeddings", None),
        ("https://openrouter.ai/api/v1/rerank", Below(OPENROUTER[0], "/rerank")),
        ("https://OpenRouter.ai:443/api/v1/rerank", Below(OPENROUTER[0], "/rerank")),
        ("https://eu.openrouter.ai/api/v1/rerank", Below(OPENROUTER[1], "/rerank")),
        ("http://openrouter.ai/api/v1/rerank", None),
        ("https://evil.openrouter.ai/api/v1/rerank", None),
        ("https://openrouter.ai.evil.example/api/v1/rerank", None),
        ("https://openrouter.ai@evil.example/api/v1/rerank", None),
        ("https://proxy.example/v1/rerank", Below("https://proxy.example/v1", "/rerank")),
        ("http://proxy.example/rerank", Below("http://proxy.example", "/rerank")),
        ("http://u:p@proxy.example/rerank", Below("http://proxy.example", "/rerank")),
        ("https://proxy.example:8443/v1/rerank", None),
        ("http://box:4000/api/v1/x", Below("http://box:4000/api/v1", "/x")),
        ("http://box/api/v1/x", None),
    ],
)
def test_a_url_is_known_by_its_whole_origin_and_the_path_of_the_api(
    url: str, found: Below | None
) -> None:
    named = hosts.checked(["proxy.example", " box:4000/ "])
    assert below(url, (BASE, *OPENROUTER, *named)) == found


@pytest.mark.parametrize(
    "named",
    [
        "",
        "ftp://a.example",
        "a.example/v1",
        "https://u:secret@a.example",
        "a:b:c",
        "a?secret",
        "no secret",
    ],
)
def test_what_is_no_host_is_refused_without_repeating_it(named: str) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        hosts.checked([named])
    assert "secret" not in str(caught.value)

"""POST /videos hands in a job, `GET /videos/{id}` asks for it until it is done.

The job's id is not the generation's: that one, and the cost, come with the finished job. The work
is charged when the job is taken; a job that fails is not charged.
"""

from ledger.sandbox import costs
from ledger.sandbox.endpoints.endpoint import Endpoint, kept, news
from ledger.sandbox.plans import Body, Plan
from ledger.sandbox.seen import Call, Job
from ledger.sandbox.state import State

_SECONDS = 8
_TOKENS_PER_SECOND = 1000
_STEPS = ("pending", "in_progress")
# What the specification says of these, without a word on what went wrong.
_MESSAGES = {"failed": "Upstream failed", "cancelled": "Job cancelled", "expired": "Job expired"}


def _wrong(body: Body) -> str | None:
    """What is unacceptable."""
    prompt = body.get("prompt")
    return None if isinstance(prompt, str) and prompt else "Invalid request: prompt is required"


def seconds(call: Call) -> int:
    """Length of the film that is asked for."""
    length = call.params.get("duration")
    return length if isinstance(length, int) and length > 0 else _SECONDS


def _tokens(call: Call, prompt: str, _reply: str) -> tuple[int, int]:
    """A second of film is so many tokens."""
    return costs.tokens_of(prompt), seconds(call) * _TOKENS_PER_SECOND


def job_id(call: Call) -> str:
    """The job of a call."""
    return f"job-{call.number:06d}"


def _job(call: Call, status: str) -> Body:
    """What is said of a job at any time."""
    name = job_id(call)
    return {"id": name, "polling_url": f"/api/v1/videos/{name}", "status": status}


def _whole(body: Body, call: Call) -> Body:
    """The job as it was taken."""
    return body if "error" in body else _job(call, "pending")


def take(state: State, call: Call, plan: Plan, body: Body) -> None:
    """Begin a job; it ends after so many looks at it."""
    state.jobs[job_id(call)] = Job(call, plan, body)


def poll(state: State, name: str) -> Body | None:
    """What a look at a job shows; None where there is no such job."""
    with state.lock:
        job = state.jobs.get(name)
        if job is None:
            return None
        job.looks += 1
    call = job.call
    if job.looks <= job.plan.polls:
        return _job(call, _STEPS[min(job.looks, len(_STEPS) - 1)])
    if job.plan.job != "completed":
        return {**_job(call, job.plan.job), "error": _MESSAGES.get(job.plan.job, job.plan.job)}
    return {**_job(call, "completed"), **_done(job)}


def _done(job: Job) -> Body:
    """What a finished job shows besides."""
    url = f"/api/v1/videos/{job_id(job.call)}/content?index=0"
    answer: Body = {"unsigned_urls": [url], **news(job.body)}
    if "id" in job.body:
        answer["generation_id"] = job.body["id"]
    if "usage" in job.body:
        answer["usage"] = kept(job.body["usage"], "cost", "is_byok") | news(job.body["usage"])
        cost = answer["usage"].get("cost")
        job.call.cost = None if cost is None else cost.text
    return answer


ENDPOINT = Endpoint(
    path="/videos",
    name="videos",
    api_type="video",
    said="prompt",
    whole=_whole,
    header_id=False,
    status=202,
    wrong=_wrong,
    tokens=_tokens,
    begun=take,
)

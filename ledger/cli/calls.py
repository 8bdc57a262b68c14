"""`ask`: one call from the command line, booked like any other."""

import json
import sys
from typing import Annotated, Any

import typer

from ledger.cli.context import AsJson, opened

_NO_MODEL = "The ledger never picks one: name it with --model."
_OWN = ("messages", "model", "caller", "timeout")


def ask(  # noqa: PLR0913 - one for each argument and option
    context: typer.Context,
    message: Annotated[
        str | None, typer.Argument(help="What to ask; read from stdin if left out.")
    ] = None,
    *,
    model: Annotated[str | None, typer.Option("--model", "-m", help="The model's slug.")] = None,
    caller: Annotated[str, typer.Option(help="The name to book the call under.")] = "cli",
    timeout: Annotated[
        float | None, typer.Option(help="Total seconds for the call; 600 by default.")
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option(
            "--param", "-p", metavar="KEY=VALUE", help="A parameter of the endpoint; VALUE is JSON."
        ),
    ] = None,
    quote: Annotated[
        bool, typer.Option("--quote", help="Say what it can cost, and send nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Send one message and print the answer.

    Example: python -m ledger ask "Hello" --model openai/gpt-4o-mini
    """
    params = _params(param or [])
    if not model:
        raise typer.BadParameter(f"which model? {_NO_MODEL}")
    text = _message(message)
    if quote:
        _print_quote(context, text, model, caller, params, as_json=as_json)
        return
    with opened(context) as ledger:
        reply = ledger.get_response(text, model, caller, timeout=timeout, **params)
        if not as_json:
            typer.echo(_shown(reply))
            return
        from ledger.reports import jsonout

        record = ledger.show(reply.request_id)
        found = {"reply": str(reply), "tool_calls": reply.tool_calls, "usage": reply.usage}
        typer.echo(jsonout.document({**found, "request": record}))


def _print_quote(  # noqa: PLR0913 - what the command was told
    context: typer.Context,
    text: str,
    model: str,
    caller: str,
    params: dict[str, Any],
    *,
    as_json: bool,
) -> None:
    """Print what the call can cost, and what such calls have cost."""
    with opened(context) as ledger:
        found = ledger.quote(text, model, caller, **params)
    from ledger.reports import jsonout, quotes

    if as_json:
        typer.echo(jsonout.document(found))
    else:
        quotes.quote(found)


def _message(argument: str | None) -> str:
    """The message, from stdin where none was given.

    Raises:
        typer.BadParameter: there is none.
    """
    if argument is None and not sys.stdin.isatty():
        argument = sys.stdin.buffer.read().decode("utf-8", "replace")
    if not argument or not argument.strip():
        raise typer.BadParameter("there is nothing to ask: give a MESSAGE or pipe one in.")
    return argument


def _params(given: list[str]) -> dict[str, Any]:
    """Parameters of the endpoint from `KEY=VALUE` texts.

    Raises:
        typer.BadParameter: one is not of that form.
    """
    return dict(_param(text) for text in given)


def _param(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not (equals and name.isidentifier()):
        raise typer.BadParameter(f"{text!r} is not KEY=VALUE.")
    if name in _OWN:
        raise typer.BadParameter(f"{name} has a place of its own, not in -p.")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        raise typer.BadParameter(
            f"{value!r} is not JSON; text is written in quotes: -p '{name}=\"...\"'."
        ) from None


def _shown(reply: str) -> str:
    """The answer as it is for a pipe or a file, and harmless for a terminal."""
    if not sys.stdout.isatty():
        return str(reply)
    from ledger.reports.terminal import harmless_lines

    return harmless_lines(reply)

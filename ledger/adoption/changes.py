"""The one-line change that puts a call on the books, written into the line that is there."""

import ast


def with_arguments(lines: list[str], call: ast.Call, added: list[str]) -> str:
    """The line with arguments added to the call in it.

    Where the call has one of them already, or goes over many lines, what to add or say there.

    Args:
        lines: of the file.
        call: stands in one of them.
        added: as `name=value`.
    """
    names = {each.partition("=")[0] for each in added}
    if any(item.arg in names for item in call.keywords):
        return f"say {', '.join(added)}"
    if call.lineno != call.end_lineno:
        return f"add {', '.join(added)}"
    before, after = _around(lines, call)
    inside = before.rstrip()
    if call.args or call.keywords:
        inside = inside.removesuffix(",") + ", "
    return f"{inside}{', '.join(added)}){after}".strip()


def with_other(lines: list[str], call: ast.Call, other: str) -> str:
    """The line with another call in the place of this one; its arguments go along."""
    name = other.removesuffix("()")
    if call.lineno != call.end_lineno:
        return f"{name}(...)"
    line = lines[call.lineno - 1].encode()  # the places that a tree names are counted in bytes
    assert call.func.end_col_offset is not None
    before, after = line[: call.col_offset], line[call.func.end_col_offset :]
    return f"{before.decode()}{name}{after.decode()}".strip()


def _around(lines: list[str], call: ast.Call) -> tuple[str, str]:
    """What stands in a call's line before its closing bracket, and what after it."""
    line = lines[call.lineno - 1].encode()  # the places that a tree names are counted in bytes
    assert call.end_col_offset is not None
    return line[: call.end_col_offset - 1].decode(), line[call.end_col_offset :].decode()

"""The demo's modules: what small programs look like that ask a model through the ledger."""

from pathlib import Path

CHAT_MODEL = "openai/gpt-4o-mini"
EXACT_COST = "0.0004970133333333333"

_MBANK = '''\
"""Reads its model from its own config: flow_json/openrouter_skill_config.json."""

from ledger import caller_config, get_response

print(get_response("What did I spend on coffee?", model=caller_config().ai_model))
'''
_CHAT = f'''\
"""Two calls with a model of its own choice."""

from ledger import get_response

for question in ("Say hello.", "And goodbye."):
    reply = get_response(question, model="{CHAT_MODEL}")
    print(f"{{reply}} ({{reply.cost}} USD)")
'''
_REPORT = '''\
"""Asks for a model that does not exist."""

from ledger import get_response

print(get_response("Summarise the week.", model="invalid/model"))
'''
_NOTES = '''\
"""Passes no model. The ledger never picks one."""

from ledger import get_response

print(get_response("Take a note."))
'''

MBANK = "flow/flow_mbank.py"
CHAT = "skills/skills_chat/live_chat.py"
REPORT = "prax/prax_report.py"
NOTES = "prax/prax_notes.py"
_SOURCES = {MBANK: _MBANK, CHAT: _CHAT, REPORT: _REPORT, NOTES: _NOTES}


def write(folder: Path) -> None:
    """Write the modules into a folder.

    Raises:
        OSError: it can't be written.
    """
    for name, source in _SOURCES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")

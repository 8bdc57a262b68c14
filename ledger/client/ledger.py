"""The one noun: a ledger, with what it does by rooms; and the one that a process has by default."""

import threading

from ledger.client.account import Account
from ledger.client.adopting import Adopting
from ledger.client.advising import Advising
from ledger.client.asking import Asking
from ledger.client.auditing import Auditing
from ledger.client.budgets import Budgets
from ledger.client.callers import Callers
from ledger.client.calling import Calling
from ledger.client.catalogue import Catalogue
from ledger.client.contents import Contents
from ledger.client.importing import Importing
from ledger.client.keeping import Keeping
from ledger.client.reading import Reading


class Ledger(
    Calling,
    Contents,
    Adopting,
    Callers,
    Reading,
    Asking,
    Account,
    Catalogue,
    Advising,
    Budgets,
    Importing,
    Auditing,
    Keeping,
):
    """The books of one home or database, and the calls that are recorded in them.

    Args:
        home: the folder of the ledger and its JSON files; `LEDGER_HOME`, else the platform's
            user data folder.
        url: an SQLAlchemy URL of the database; `LEDGER_URL`, else `<home>/ledger.db`.
        api_key: the OpenRouter key; else `OPENROUTER_API_KEY`, the config, a `.env`.
        base_url: `OPENROUTER_BASE_URL`, else the config, else OpenRouter itself.
        background: whether settlement and export run by themselves in the background.
    """


_default: Ledger | None = None
_making = threading.Lock()


def default() -> Ledger:
    """The ledger of the module-level functions, made on first use from the environment."""
    global _default  # noqa: PLW0603 - the one default a process has
    if _default is None:
        with _making:
            if _default is None:
                _default = Ledger()
    return _default


def reset_default() -> None:
    """Close the default ledger; the next call makes one from the environment as it is then."""
    global _default
    with _making:
        ledger, _default = _default, None
    if ledger is not None:
        ledger.close()

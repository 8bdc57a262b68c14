"""`Ledger`: wires settings, books, connections and rooms together. No logic lives here.

A method a verb, in a module for each kind of them: `calling`, `callers`, `reading`, `keeping`.
"""

from ledger.client.ledger import Ledger, default, reset_default

__all__ = ["Ledger", "default", "reset_default"]

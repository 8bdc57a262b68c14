"""Text for a terminal; what makes it harmless is also what logs need, so it is a leaf."""

from ledger.harmless import harmless, harmless_lines

__all__ = ["harmless", "harmless_lines"]

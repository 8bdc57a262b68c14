"""The books for every LLM call: who asked, of which model, and what it cost to the last digit."""

__version__ = "0.1.0"

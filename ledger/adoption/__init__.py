"""Adopting existing code: which of its LLM calls are not on the books, and what puts them there."""

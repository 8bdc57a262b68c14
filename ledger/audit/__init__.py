"""Proving the books: against what the provider says."""

"""Statements of others: run by a process of their own that can only read, and is ended in time."""

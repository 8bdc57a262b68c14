"""A conversation's chain of messages: what is in it, what is trimmed, what handlers make of it."""

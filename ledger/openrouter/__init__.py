"""The wire: endpoints, payload shapes, keys and error mapping of OpenRouter.

Nothing here reads or writes a network, a file or the books: bytes and values come in, typed
records and typed errors go out.
"""

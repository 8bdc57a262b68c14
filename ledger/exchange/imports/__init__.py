"""What comes into the books: a module a kind of file, each of which yields the same records."""

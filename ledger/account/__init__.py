"""What the provider says of the account behind a key: its credits, limits and models, now."""

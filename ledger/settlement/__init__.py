"""Settlement: fetching the provider's own record of each generation, and its schedule."""

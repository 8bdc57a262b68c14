"""Models and prices as the provider listed them, over time."""

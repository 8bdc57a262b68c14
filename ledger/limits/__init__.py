"""What calls may cost: bounds, holds and budgets."""

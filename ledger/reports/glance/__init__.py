"""The answer at a glance: today, this month, who spends, what went wrong, what is left."""

"""What calls came to: added up by time, caller, model and more, in any zone, with their grades."""

"""One call: prepared, recorded, sent, read, and answered or explained."""

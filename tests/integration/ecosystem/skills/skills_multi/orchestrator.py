"""Runs one skill through another, and says so in the name under which the call is booked."""

from skills.skills_multi.skill1 import with_file

if __name__ == "__main__":
    print(with_file("notes.txt", "What does it say?", chain="orchestrator"))

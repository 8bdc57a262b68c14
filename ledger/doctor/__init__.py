"""Is everything well? One small function a check, each saying what it found and its cure.

To add one, write a function that takes a `Patient` and yields `Finding`s, and name it in
`examination.CHECKS`. It changes nothing, and may raise: that is a finding too.
"""

from ledger.doctor.examination import examine
from ledger.doctor.findings import Diagnosis, Finding, Patient

__all__ = ["Diagnosis", "Finding", "Patient", "examine"]

"""Finds, unpacks, limits and hashes what students handed in. All in memory; inputs are never written to."""

from grader.submissions.candidates import Candidate, find
from grader.submissions.works import read

__all__ = ["Candidate", "find", "read"]

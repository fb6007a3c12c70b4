"""What a student may see of a report: of hidden checks the title, outcome, points, hint and diagnosis, nothing else."""

from __future__ import annotations

import json
from typing import Any

from grader.model import ArtefactResult, CheckResult, ExerciseResult, Outcome, Report, Status, Visibility

OUTPUTS_DIFFER = "its outputs are not those of the model that was to be exported; compare the two on rows of your own"
STUDENT_OUTPUT_CHARACTERS = 4_000
# In place of our own words on a fault of ours, which may name hidden checks or quote the grader.
FAULT = "the grader failed here, not your work; your teachers can see why, and there is no score yet"


def check_view(check: CheckResult) -> dict[str, Any]:
    """One check as its student may see it."""
    seen: dict[str, Any] = {
        "title": check.title,
        "visibility": str(check.visibility),
        "outcome": str(check.outcome),
        "points": check.points,
        "earned": check.earned,
        "hint": check.hint if check.earned < check.points else None,
        "diagnosis": check.diagnosis,
    }
    if check.visibility is Visibility.VISIBLE:
        message = FAULT if check.outcome is Outcome.GRADER_ERROR else check.message
        stdout = check.stdout[:STUDENT_OUTPUT_CHARACTERS]
        seen |= {"name": check.name, "message": message, "seconds": check.seconds, "stdout": stdout}
    return seen


def artefact_view(artefact: ArtefactResult) -> dict[str, Any]:
    """What the file itself says, and the verdict; the figures of the comparison are of hidden inputs."""
    return {
        "name": artefact.name,
        "accepted": artefact.accepted,
        "reason": _artefact_reason(artefact),
        "bytes": artefact.bytes,
        "ir_version": artefact.ir_version,
        "opset": dict(artefact.opset),
        "operators": dict(artefact.operators),
        "inputs": [{"name": one.name, "dtype": one.dtype, "shape": list(one.shape)} for one in artefact.inputs],
        "outputs": [{"name": one.name, "dtype": one.dtype, "shape": list(one.shape)} for one in artefact.outputs],
    }


def _artefact_reason(artefact: ArtefactResult) -> str | None:
    """The referee's sentence, but for what it says of hidden inputs: a model could answer with them, and read them there."""
    compared = artefact.max_abs_difference is not None
    return OUTPUTS_DIFFER if compared and not artefact.accepted else artefact.reason


def exercise_view(result: ExerciseResult) -> dict[str, Any]:
    """One exercise of a report."""
    return {
        "exercise": result.exercise,
        "lesson": result.lesson,
        "status": str(result.status),
        "reason": FAULT if result.status is Status.GRADER_ERROR else result.reason,
        "score": result.score,
        "max_score": result.max_score,
        "submission_sha256": result.submission_sha256,
        "checks": [check_view(check) for check in result.checks],
        "artefacts": [artefact_view(artefact) for artefact in result.artefacts],
    }


def student_view(report: Report) -> dict[str, Any]:
    """The whole report. Its seed is not in it: with the seed and the grader's source, hidden inputs could be drawn again."""
    return {
        "version": report.version,
        "student": report.student,
        "status": str(report.status),
        "reason": FAULT if report.status is Status.GRADER_ERROR and report.reason else report.reason,
        "score": report.score,
        "max_score": report.max_score,
        "exercises": [exercise_view(result) for result in report.exercises],
    }


def student_json(report: Report) -> str:
    """student.json of a tidy report."""
    return json.dumps(student_view(report), allow_nan=False) + "\n"


def check_json(result: ExerciseResult) -> dict[str, Any]:
    """What `grader check --json` prints of one exercise."""
    return exercise_view(result)

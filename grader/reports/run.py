"""What is known of a whole run: run.json."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One run. `started` and `finished` are ISO 8601 in UTC; `environment` names versions, platform and sandbox."""

    version: str
    seed: int
    started: str
    finished: str
    environment: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def weak(self) -> bool:
        """Whether others' code ran without the full sandbox."""
        return self.environment.get("sandbox") == "weak"

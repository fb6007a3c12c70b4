"""What may be inside a submission and how much of it: the rules that folders and zips share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from grader.model import Limits
from grader.submissions.names import show

LONGEST_PART_BYTES = 255
LONGEST_PATH_BYTES = 1024
DEEPEST = 32
# Never looked into and never counted: what tools leave behind. A link of such a name is passed over like what it stands for.
IGNORED = frozenset(
    {".git", ".hg", ".svn", ".venv", "venv", "__pycache__", ".ipynb_checkpoints", "__MACOSX", ".DS_Store", "Thumbs.db",
     "desktop.ini", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis", ".idea", ".vscode", ".grader", "node_modules"}
)  # fmt: skip
# What grading may need; of every other file only the size counts.
WANTED = frozenset({".py", ".ipynb", ".onnx"})

Content = Mapping[PurePosixPath, bytes | None]
"""Path inside the submission -> its bytes, or None for a file of a kind that grading never reads."""


class Refused(Exception):
    """The submission is refused as a whole; the text is the reason that its student reads."""


def is_ignored(part: str) -> bool:
    """Whether a file or folder of this name is passed over. `._x` is what macOS keeps of x's attributes."""
    return part in IGNORED or part.startswith("._")


def check_path(path: PurePosixPath) -> None:
    """Refuses what some file system cannot hold: a part over 255 bytes, over 1024 bytes in all, over 32 levels."""
    sizes = [len(part.encode("utf-8", "surrogatepass")) for part in path.parts]
    if len(sizes) > DEEPEST or max(sizes, default=0) > LONGEST_PART_BYTES or sum(sizes) + len(sizes) > LONGEST_PATH_BYTES:
        raise Refused(f"{show(path)}: the name is too long or lies too deep; use short names and at most {DEEPEST} levels")


def bytes_text(count: int) -> str:
    """16777216 -> "16 MiB"; what is no whole number of KiB or MiB is given in bytes."""
    for unit, shift in (("MiB", 20), ("KiB", 10)):
        if count and count % (1 << shift) == 0:
            return f"{count >> shift} {unit}"
    return f"{count} bytes"


class Meter:
    """Counts files and bytes of one submission and refuses it where a limit is passed."""

    def __init__(self, limits: Limits) -> None:
        """Nothing was counted yet."""
        self._limits = limits
        self._files = 0
        self._bytes = 0

    @property
    def left(self) -> int:
        """The bytes that may still come."""
        return self._limits.submission_bytes - self._bytes

    def add_file(self) -> None:
        """One file more."""
        self._files += 1
        if self._files > self._limits.submission_files:
            raise Refused(
                f"more than {self._limits.submission_files} files; hand in your own modules only, without data and environments"
            )

    def add_bytes(self, count: int) -> None:
        """The size of that file, or of a piece of it."""
        self._bytes += count
        if self._bytes > self._limits.submission_bytes:
            size = bytes_text(self._limits.submission_bytes)
            raise Refused(f"more than {size} unpacked; hand in your own modules only, without data and environments")

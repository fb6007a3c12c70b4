"""Names of students and of their report folders: what is shown, what is safe on any disk, what stays apart."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

LONGEST_FOLDER = 100
SHOWN_PATH = 120
_HASH_LENGTHS = (8, 16, 32, 64)
# Endings of what a run itself writes (index.html, scores.csv, journal.sqlite-wal, ...) and of what exports write beside it.
_RUN_FILES = re.compile(r"\.(html|csv|xml|md|json|sqlite|log|db|zip|lock|tmp)([-.].*)?\Z")
_DEVICES = re.compile(r"(con|prn|aux|nul|clock\$|conin\$|conout\$|com\d|lpt\d)(\..*)?\Z")


@dataclass(frozen=True, slots=True)
class Name:
    """What a submission is called on the disk: `file` with and `stem` without `.zip`; `path` is absolute, unlike any other."""

    file: str
    stem: str
    path: str


def clean(text: str) -> str:
    """One printable line of `text`: letters and digits of every script stay; control, format and bidi characters go."""
    return " ".join("".join(map(_clean_character, text)).split()) or "unnamed"


def _clean_character(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Cs", "Co", "Cn"):
        return "\N{REPLACEMENT CHARACTER}"
    if category.startswith("Z") or (category == "Cc" and character.isspace()):
        return " "
    return "" if category in ("Cc", "Cf") else character


def show(path: object) -> str:
    """A path inside a submission as a message may carry it, cut in its middle."""
    text = clean(str(path))
    return text if len(text) <= SHOWN_PATH else f"{text[: SHOWN_PATH // 2]}…{text[-SHOWN_PATH // 2 :]}"


def assign(names: Sequence[Name]) -> list[tuple[str, str]]:
    """(student, folder) for every name, in the order given; neither depends on that order.

    Students are told apart as text; folders also where case does not count. A folder is the name itself where that is
    safe and unlike all others, else what is left of it with the beginning of a hash; names alike all get their hash.
    """
    files = Counter(name.file for name in names)
    hashes = [_hash(name.file if files[name.file] == 1 else name.path) for name in names]
    students = _keep_apart([_student_rungs(name, digest) for name, digest in zip(names, hashes, strict=True)], str)
    folders = _keep_apart([_folder_rungs(name.stem, digest) for name, digest in zip(names, hashes, strict=True)], str.lower)
    return list(zip(students, folders, strict=True))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _student_rungs(name: Name, digest: str) -> list[str]:
    whole = clean(name.file)
    return [clean(name.stem), whole, *(f"{whole} ({digest[:length]})" for length in _HASH_LENGTHS)]


def _folder_rungs(stem: str, digest: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", stem)
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", plain).strip("._-") or "student"
    hashed = [f"{plain[: LONGEST_FOLDER - 1 - length].rstrip('._-')}-{digest[:length]}" for length in _HASH_LENGTHS]
    lower = plain.lower()
    if plain != stem or len(plain) > LONGEST_FOLDER or _RUN_FILES.search(lower) or _DEVICES.match(lower):
        return [f"x{name}" if _DEVICES.match(name.lower()) else name for name in hashed]
    return [plain, *hashed]


def _keep_apart(ladders: Sequence[Sequence[str]], key: Callable[[str], str]) -> list[str]:
    """The lowest rung of every ladder at which no two are alike: whoever is alike steps up, so order does not matter."""
    levels = [0] * len(ladders)
    while True:
        chosen = [ladder[level] for ladder, level in zip(ladders, levels, strict=True)]
        counts = Counter(map(key, chosen))
        clashing = [
            index for index, name in enumerate(chosen) if counts[key(name)] > 1 and levels[index] + 1 < len(ladders[index])
        ]
        if not clashing:
            return chosen
        for index in clashing:
            levels[index] += 1

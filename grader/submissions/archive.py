"""Unpacks a zip in memory: believes no size, no name and no type that it declares."""

from __future__ import annotations

import io
import re
import stat
import unicodedata
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from grader.model import Limits
from grader.submissions.content import WANTED, Content, Meter, Refused, bytes_text, check_path, is_ignored
from grader.submissions.folder import MOST_ENTRIES, opened, read_file
from grader.submissions.names import show

# A zip may carry much that is passed over (.git, .venv), which is never unpacked; this bounds what is held in memory.
_PACKED_FACTOR = 4
_ENTRY = b"PK\x01\x02"
_HEADER_BYTES = 30
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_CHUNK = 1 << 16
_AGAIN = "zip the folder again with the usual tools"


def read_zip(path: Path, limits: Limits) -> Content:
    """All files of the zip `path`. Refused with the reason for what is no zip, unsafe, encrypted, doubled or too much."""
    most = _PACKED_FACTOR * limits.submission_bytes
    with opened(path, "the zip", folder=False) as descriptor:
        data = read_file(descriptor, most, "the zip")
    if len(data) > most:
        raise Refused(f"the zip: over {bytes_text(most)}; hand in your own modules only, without data and environments")
    # Counted before the directory is parsed: every entry becomes objects of a few hundred bytes.
    if data.count(_ENTRY) > MOST_ENTRIES:
        raise Refused(f"the zip: more than {MOST_ENTRIES} entries; hand in your own modules only")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _unpack(archive, Meter(limits))
    except Refused:
        raise
    except Exception as error:  # zipfile meets damage with a dozen types of exception; all of them are the zip's
        raise Refused(f"the zip: it cannot be unpacked, it is damaged or no zip; {_AGAIN}") from error


def _unpack(archive: zipfile.ZipFile, meter: Meter) -> Content:
    paths = [(_safe_path(entry), entry) for entry in archive.infolist()]
    kept = [(path, entry) for path, entry in paths if not any(map(is_ignored, path.parts))]
    for path, entry in kept:
        check_path(path)
        _check_entry(path, entry)
    files = [(path, entry) for path, entry in kept if not entry.is_dir()]
    _check_doubles([path for path, entry in kept if entry.is_dir()], [path for path, _ in files])
    _check_overlap([entry for _, entry in paths])
    for _ in files:
        meter.add_file()
    return {path: _inflate(archive, path, entry, meter) for path, entry in files}


def _safe_path(entry: zipfile.ZipInfo) -> PurePosixPath:
    """The path of an entry; Refused where it could mean a place outside or different places to different programs."""
    for name in (entry.orig_filename, entry.filename):
        if name.startswith("/") or ".." in name.split("/") or re.match(r"[A-Za-z]:", name):
            raise Refused(f"{show(name)}: a path that leads out of the zip; {_AGAIN}")
        if "\\" in name or "\0" in name or not (PurePosixPath(name).parts or name == "./"):
            raise Refused(f"{show(name)}: no name for a file in a zip; {_AGAIN}")
    return PurePosixPath(entry.filename)


def _check_entry(path: PurePosixPath, entry: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind == stat.S_IFLNK:
        raise Refused(f"{show(path)}: a symbolic link; hand in the file or folder itself")
    if kind not in (0, stat.S_IFDIR if entry.is_dir() else stat.S_IFREG):
        raise Refused(f"{show(path)}: neither a plain file nor a folder; hand in plain files only")
    if entry.flag_bits & _ENCRYPTED:
        raise Refused(f"{show(path)}: encrypted; hand in a zip without a password")
    if not entry.is_dir() and entry.compress_type not in _METHODS:
        raise Refused(f"{show(path)}: packed by a method other than deflate; {_AGAIN}")


def _check_doubles(folders: Sequence[PurePosixPath], files: Sequence[PurePosixPath]) -> None:
    """No file twice (case and Unicode form do not count), none that is a folder as well."""
    taken = {_alike(path) for path in folders} | {_alike(parent) for path in files for parent in path.parents}
    seen: set[str] = set()
    for path in files:
        key = _alike(path)
        if key in seen or key in taken:
            raise Refused(f"{show(path)}: twice in the zip (or its names differ in case or Unicode form only); {_AGAIN}")
        seen.add(key)


def _alike(path: PurePosixPath) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", str(path)).casefold())


def _check_overlap(entries: Sequence[zipfile.ZipInfo]) -> None:
    """Entries that share bytes are how a small zip unpacks to petabytes."""
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset < end:
            raise Refused(f"{show(entry.filename)}: it shares its bytes with another entry of the zip; {_AGAIN}")
        end = entry.header_offset + _HEADER_BYTES + entry.compress_size


def _inflate(archive: zipfile.ZipFile, path: PurePosixPath, entry: zipfile.ZipInfo, meter: Meter) -> bytes | None:
    """Unpacks one entry, counting what really comes out. None for a kind of file that grading never reads."""
    pieces: list[bytes] = []
    wanted = path.suffix in WANTED
    with archive.open(entry) as stream:
        while piece := stream.read(_CHUNK):
            meter.add_bytes(len(piece))
            if wanted:
                pieces.append(piece)
    return b"".join(pieces) if wanted else None

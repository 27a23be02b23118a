"""Paths of files that travel: which may be in an archive (SAME-BND-002, SAME-BND-033, SAME-BND-034)."""

from __future__ import annotations

import re
import unicodedata

SEGMENT_BYTES = 255

_RESERVED = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3])", re.IGNORECASE
)
_LETTER_AND_COLON = re.compile(r"[A-Za-z]:")


def is_control(character: str) -> bool:
    """Whether a character is a control character: C0, DEL and C1."""
    return unicodedata.category(character) == "Cc"


def refusal(path: str) -> str | None:
    """Why SAME-BND-033 refuses a path by itself, or None. Lengths of whole paths are SAME-BND-034's."""
    if path == "":
        return "is empty"
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return "is not UTF-8"
    if path.startswith("/"):
        return "is absolute"
    if "\\" in path:
        return "holds a backslash"
    if any(is_control(character) for character in path):
        return "holds a control character"
    if _LETTER_AND_COLON.match(path):
        return "begins with a letter and a colon"
    if unicodedata.normalize("NFC", path) != path:
        return "is not NFC"
    for segment in path.split("/"):
        if segment == "":
            return "has an empty segment"
        if segment in (".", ".."):
            return f"has a segment {segment}"
        if segment.endswith((".", " ")):
            return "has a segment that ends in a dot or a space"
        if len(segment.encode("utf-8")) > SEGMENT_BYTES:
            return "has a segment that is longer than 255 bytes"
        if _RESERVED.fullmatch(segment.split(".", 1)[0]):
            return f"has the segment {segment!r}, which is reserved on some platform"
    return None


def folded(path: str) -> str:
    """A key that is equal for paths that only case or normal form tells apart (SAME-BND-033)."""
    return unicodedata.normalize("NFC", path.lower().upper())


class Siblings:
    """The paths of one archive, to find those that cannot stand beside each other (SAME-BND-033)."""

    def __init__(self) -> None:
        self._files: dict[str, str] = {}
        self._directories: dict[str, str] = {}

    def add(self, path: str) -> str | None:
        """Add a path; answers why it cannot be beside the earlier ones, or None."""
        key = folded(path)
        if key in self._files:
            other = self._files[key]
            return "occurs twice" if other == path else f"is equal to {other!r} when folded"
        if key in self._directories:
            return f"is equal to the directory {self._directories[key]!r} when folded"
        directories = []
        parent = path.rpartition("/")[0]
        while parent:
            parent_key = folded(parent)
            if parent_key in self._files:
                return f"lies below {self._files[parent_key]!r}, which is a file"
            known = self._directories.get(parent_key)
            if known is not None and known != parent:
                return f"has a directory that is equal to {known!r} when folded"
            directories.append((parent_key, parent))
            if known is not None:
                break
            parent = parent.rpartition("/")[0]
        self._directories.update(directories)
        self._files[key] = path
        return None

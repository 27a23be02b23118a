"""Paths inside a program, as its manifest writes them (SAME-PRG-015)."""

from __future__ import annotations

import re
import unicodedata

import paths

ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


def path_problem(text: str) -> str | None:
    """Why text is no path inside the program, or None (SAME-PRG-015). Patterns are held to the same."""
    if text.startswith("/"):
        return "is absolute"
    if re.match(r"[A-Za-z]:", text):
        return "begins with a drive"
    if "\\" in text:
        return "holds a backslash"
    if re.search(r"[\x00-\x1f\x7f]", text):
        return "holds a control character"
    if unicodedata.normalize("NFC", text) != text:
        return "is not in normal form C"
    if len(text.encode("utf-8")) > 1024:
        return "is longer than 1024 bytes"
    for segment in text.removesuffix("/").split("/"):
        if segment == "":
            return "has an empty segment"
        if segment == "..":
            return "has a segment .."
        if len(segment.encode("utf-8")) > paths.SEGMENT_BYTES:
            return "has a segment that is longer than 255 bytes"
    return None


def place_parts(text: str) -> list[str]:
    """The segments of a path that say where it leads."""
    return [part for part in text.split("/") if part not in ("", ".")]

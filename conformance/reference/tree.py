"""Digests: of bytes, and of directories by their tree list (SAME-BND-010, SAME-BND-011)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import canonical_json

MODE_FILE = 0o644
MODE_EXECUTABLE = 0o755


def sha256(data: bytes) -> str:
    """64 lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def digest(data: bytes) -> str:
    """`sha256:…` of bytes."""
    return "sha256:" + sha256(data)


def mode(executable: bool) -> int:
    """The mode of a file by its one bit: 0755 or 0644."""
    return MODE_EXECUTABLE if executable else MODE_FILE


def tree_list(files: Iterable[tuple[str, bool, int, str]]) -> list[list[object]]:
    """The tree list of files, given as (path, executable, size, sha256)."""
    rows = [[path, mode(executable), size, sha] for path, executable, size, sha in files]
    return sorted(rows, key=lambda row: row[0].encode("utf-8"))


def tree_digest(files: Iterable[tuple[str, bool, int, str]]) -> str | None:
    """`tree:sha256:…` of a directory, or None where it has no files (SAME-BND-011)."""
    rows = tree_list(files)
    return "tree:" + digest(canonical_json.bytes_of(rows)) if rows else None

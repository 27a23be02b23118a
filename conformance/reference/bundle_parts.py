"""The parts of a bundle as they lie in a stream or directory."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Slice:
    """Bytes inside a stream."""

    stream: BinaryIO
    offset: int
    size: int

    def chunks(self, start: int = 0, size: int | None = None) -> Iterator[bytes]:
        """The bytes from start on, in pieces."""
        left = self.size - start if size is None else size
        at = self.offset + start
        while left > 0:
            self.stream.seek(at)
            chunk = self.stream.read(min(left, _CHUNK))
            if not chunk:
                raise OSError("the stream became shorter")
            at += len(chunk)
            left -= len(chunk)
            yield chunk

    def bytes(self) -> bytes:
        """All of them."""
        return b"".join(self.chunks())


@dataclass(frozen=True)
class Member:
    """A file of the outer archive, or of a directory that is read like one."""

    path: str
    executable: bool
    content: Slice


@dataclass
class File:
    """A file of a program."""

    path: str
    executable: bool
    size: int
    sha256: str
    content: Slice


@dataclass
class Program:
    """A program of the bundle as far as it could be read."""

    entry: dict
    manifest: dict | None = None
    source: Slice | None = None
    lock_bytes: bytes | None = None
    files: dict[str, File] = field(default_factory=dict)
    lock: dict | None = None
    whole: bool = False


class LazyFile:
    """A file that is open only while it is read, behind the two methods that Slice and Scanner use."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._at = 0

    def seek(self, offset: int) -> None:
        """Say where the next read begins."""
        self._at = offset

    def read(self, count: int) -> bytes:
        """Read from there."""
        with open(self._path, "rb") as file:
            file.seek(self._at)
            return file.read(count)


def hash_of(content: Slice) -> str:
    """The SHA-256 of bytes, in hexadecimal digits."""
    digest = hashlib.sha256()
    for chunk in content.chunks():
        digest.update(chunk)
    return digest.hexdigest()


def walk(directory: Path) -> Iterator[tuple[str, str]]:
    """Everything below a directory that is not itself a directory, as (path, place on disk)."""
    pending = [("", str(directory))]
    while pending:
        prefix, place = pending.pop()
        with os.scandir(place) as found:
            for item in sorted(found, key=lambda entry: entry.name):
                path = f"{prefix}{item.name}"
                if item.is_dir(follow_symlinks=False):
                    pending.append((path + "/", item.path))
                else:
                    yield path, item.path

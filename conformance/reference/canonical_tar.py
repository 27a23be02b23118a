"""The canonical tar `same-tar/v1`: writing it, and reading it without taking anything else for it.

Reading never trusts a header: each one is understood just far enough to know path, size and kind, and then the
header that SAME-BND-004 to SAME-BND-007 ask for is made anew and compared byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import paths
from findings import Finding
from limits import Limits

BLOCK = 512
END = bytes(2 * BLOCK)
LARGE = 8 * 2**30
"""From this size on the size is said by a PAX record (SAME-BND-006)."""
CHUNK = 1 << 20


@dataclass(frozen=True)
class Entry:
    """A regular file in a tar; `offset` is where its content begins in the stream that was scanned."""

    path: str
    executable: bool
    size: int
    offset: int


def _field_octal(value: int, digits: int) -> bytes:
    return f"{value:0{digits}o}".encode("ascii") + b"\0"


def _block(name: bytes, mode: int, size: int, flag: bytes) -> bytes:
    """One header block by SAME-BND-004 and SAME-BND-005."""
    head = b"".join(
        [
            name.ljust(100, b"\0"),
            _field_octal(mode, 7),
            _field_octal(0, 7),
            _field_octal(0, 7),
            _field_octal(size, 11),
            _field_octal(0, 11),
            b" " * 8,
            flag,
            bytes(100),
            b"ustar\0",
            b"00",
            bytes(247),
        ]
    )
    assert len(head) == BLOCK
    checksum = f"{sum(head):06o}".encode("ascii") + b"\0 "
    return head[:148] + checksum + head[156:]


def _padding(size: int) -> bytes:
    return bytes(-size % BLOCK)


def _record(key: str, value: str) -> bytes:
    """A PAX record whose length counts its own digits (SAME-BND-006)."""
    rest = f" {key}={value}\n".encode("utf-8", "surrogateescape")
    length = len(rest) + 1
    while len(str(length)) + len(rest) != length:
        length = len(str(length)) + len(rest)
    return str(length).encode("ascii") + rest


def header(path: str, size: int, executable: bool) -> bytes:
    """All blocks that precede the content of a file: a PAX header with its content where one is due, and the header."""
    raw = path.encode("utf-8", "surrogateescape")
    records = b""
    name = raw
    if len(raw) > 100 or not path.isascii():
        records += _record("path", path)
        name = "".join(c if c < "\x80" else "?" for c in path).encode("ascii")[:100]
    if size >= LARGE:
        records += _record("size", str(size))
    before = b""
    if records:
        before = _block(b"././@PaxHeader", 0, len(records), b"x") + records + _padding(len(records))
    return before + _block(name, 0o755 if executable else 0o644, 0 if size >= LARGE else size, b"0")


def write(files: Iterable[tuple[str, int, bool, Callable[[], Iterable[bytes]]]]) -> Iterator[bytes]:
    """The bytes of the canonical tar of files, given in their final order as (path, size, executable, content)."""
    for path, size, executable, content in files:
        yield header(path, size, executable)
        written = 0
        for chunk in content():
            written += len(chunk)
            yield chunk
        if written != size:
            raise ValueError(f"{path}: {written} bytes came, {size} were announced")
        yield _padding(size)
    yield END


def size_of(files: Iterable[tuple[str, int, bool]]) -> int:
    """How long the canonical tar of files (path, size, executable) is."""
    return sum(len(header(p, s, x)) + s + len(_padding(s)) for p, s, x in files) + len(END)


class Scanner:
    """Reads the headers of one tar that lies in a seekable stream.

    Layers are `in_order`: their files are sorted by the bytes of their paths (SAME-BND-003). Problems go to `report`;
    `entries` are the regular files that were understood. `complete` is false when reading stopped before the end,
    because headers ceased to make sense or a limit was reached (SAME-BND-048).
    """

    def __init__(
        self,
        stream: BinaryIO,
        start: int,
        length: int,
        limits: Limits,
        report: Callable[[Finding], None],
        label: str,
        in_order: bool = True,
    ) -> None:
        self.stream = stream
        self.start = start
        self.end = start + length
        self.limits = limits
        self.report = report
        self.label = label
        self.entries: list[Entry] = []
        self.refused: set[str] = set()
        self.complete = False
        self.sorted = in_order
        self._siblings = paths.Siblings()
        self._last: bytes | None = None
        self._total = 0

    def _find(self, code: str, clause: str, message: str, path: str | None = None) -> None:
        place = f"{self.label}: {path}" if path is not None else self.label
        self.report(Finding(code, clause, message, place))

    def _read(self, offset: int, count: int) -> bytes:
        if offset + count > self.end:
            count = max(0, self.end - offset)
        self.stream.seek(offset)
        return self.stream.read(count)

    def scan(self) -> "Scanner":
        """Read to the end, or to where nothing makes sense any more."""
        offset = self.start
        seen = 0
        pending: tuple[bytes, str | None, int | None] | None = None
        while True:
            block = self._read(offset, BLOCK)
            if len(block) < BLOCK:
                self._end("the tar ends before its two closing blocks")
                return self
            if not any(block):
                if pending is not None:
                    self._find("SAME1302", "SAME-BND-006", "a PAX header has no file after it")
                self._finish(offset)
                return self
            number = _read_octal(block[148:156])
            if number != sum(block[:148]) + 8 * 32 + sum(block[156:]):
                self._find("SAME1302", "SAME-BND-005", "the checksum of a header is wrong")
                return self
            size = _read_size(block[124:136])
            flag = block[156:157]
            if size is None:
                self._find("SAME1302", "SAME-BND-005", "the size of a header is no number")
                return self
            content = offset + BLOCK
            if flag == b"x":
                if pending is not None:
                    self._find("SAME1302", "SAME-BND-006", "two PAX headers precede one file")
                if size > self.limits.pax:
                    self._find("SAME1304", "SAME-BND-034", f"a PAX header of {size} bytes is over the limit")
                    return self
                if content + size > self.end:
                    self._find("SAME1302", "SAME-BND-008", "the tar ends inside a PAX header")
                    return self
                raw = self._read(content, size + (-size % BLOCK))
                try:
                    path, long_size = _read_records(raw[:size])
                except ValueError as error:
                    self._find("SAME1302", "SAME-BND-006", f"a PAX header is not as it must be: {error}")
                    path, long_size = _loose_records(raw[:size])
                pending = (block + raw, path, long_size)
                offset = content + len(raw)
                continue
            name = _text(block[0:100])
            prefix = _text(block[345:500])
            path = f"{prefix}/{name}" if prefix else name
            before = b""
            if pending is not None:
                before, pax_path, pax_size = pending
                path = pax_path if pax_path is not None else path
                size = pax_size if pax_size is not None else size
                pending = None
            if self._total + size > self.limits.unpacked and flag == b"0" and paths.refusal(path) is None:
                message = f"the files are more than {self.limits.unpacked} bytes"
                self._find("SAME1304", "SAME-BND-034", message, path)
                return self
            if content + size > self.end and flag == b"0":
                self._find("SAME1302", "SAME-BND-008", "the tar ends inside a file", path)
                return self
            self._entry(path, size, flag, block, before, content)
            seen += 1
            if seen > self.limits.entries:
                self._find("SAME1304", "SAME-BND-034", f"more than {self.limits.entries} entries")
                return self
            self._total += size
            padding = -size % BLOCK
            if padding and any(self._read(content + size, padding)):
                self._find("SAME1302", "SAME-BND-008", "content is not padded with NUL", path)
            offset = content + size + padding

    def _finish(self, offset: int) -> None:
        tail = self._read(offset, 2 * BLOCK + 1)
        if tail != END:
            self._end("the tar does not end with two blocks of NUL and nothing more")
        self.complete = True

    def _end(self, message: str) -> None:
        """A wrong end, which of the archive itself breaks the envelope's clause too."""
        self._find("SAME1302", "SAME-BND-008", message)
        if not self.sorted:
            self._find("SAME1302", "SAME-BND-024", message)

    def _entry(self, path: str, size: int, flag: bytes, block: bytes, before: bytes, content: int) -> None:
        """Judge one entry; of several clauses that it breaks the first counts, in the order of SAME-BND-052."""
        if flag != b"0":
            self._find("SAME1303", "SAME-BND-033", f"type flag {flag!r} is no regular file", path)
            self._find("SAME1303", "SAME-BND-001", f"type flag {flag!r} is no regular file", path)
            self.refused.add(path)
            return
        why = paths.refusal(path)
        if why is not None:
            self._find("SAME1303", "SAME-BND-033", f"the path {why}", path)
            self._find("SAME1303", "SAME-BND-002", f"the path {why}", path)
            self.refused.add(path)
            return
        raw = path.encode("utf-8")
        if len(raw) > self.limits.path or path.count("/") + 1 > self.limits.depth:
            self._find("SAME1304", "SAME-BND-034", "the path is over the limit", path)
            self.refused.add(path)
            return
        mode = _read_octal(block[100:108])
        executable = bool(mode is not None and mode & 0o100)
        clean = self._compare(path, size, executable, block, before)
        if self.sorted:
            if clean and self._last is not None and raw < self._last:
                clean = False
                self._find("SAME1302", "SAME-BND-003", "is not in the order of the bytes of the paths", path)
            self._last = raw if self._last is None else max(raw, self._last)
        why = self._siblings.add(path)
        if why is not None:
            if clean:
                self._find("SAME1303", "SAME-BND-033", f"the path {why}", path)
            self.refused.add(path)
            return
        self.entries.append(Entry(path, executable, size, content))

    def _compare(self, path: str, size: int, executable: bool, block: bytes, before: bytes) -> bool:
        """Hold a header against the one that is asked for and name the clauses of what differs; true if nothing does."""
        wanted = header(path, size, executable)
        if before + block == wanted:
            return True
        if before != wanted[:-BLOCK]:
            self._find("SAME1302", "SAME-BND-006", "the PAX header is missing, needless or not as it must be", path)
        expected = wanted[-BLOCK:]
        parts = [
            (0, 100, "SAME-BND-007" if len(wanted) > BLOCK else "SAME-BND-005", "name"),
            (100, 108, "SAME-BND-004", "mode"),
            (108, 116, "SAME-BND-004", "uid"),
            (116, 124, "SAME-BND-004", "gid"),
            (124, 136, "SAME-BND-007" if size >= LARGE else "SAME-BND-005", "size"),
            (136, 148, "SAME-BND-004", "mtime"),
            (148, 156, "SAME-BND-005", "checksum"),
            (156, 157, "SAME-BND-001", "type flag"),
            (157, 257, "SAME-BND-005", "link name"),
            (257, 265, "SAME-BND-004", "magic and version"),
            (265, 329, "SAME-BND-004", "user and group names"),
            (329, 500, "SAME-BND-004", "device numbers and prefix"),
            (500, 512, "SAME-BND-005", "rest of the header"),
        ]
        for start, stop, clause, what in parts:
            got, want = block[start:stop], expected[start:stop]
            if got == want:
                continue
            if what in ("mode", "uid", "gid", "mtime") and _read_octal(got) == _read_octal(want):
                clause = "SAME-BND-005"
            if what == "checksum" and _read_octal(got) == sum(block[:148]) + 256 + sum(block[156:]):
                # Right for this header, so it differs only because another field does, or in how it is spelt.
                if got == f"{_read_octal(got):06o}".encode("ascii") + b"\0 ":
                    continue
            self._find("SAME1302", clause, f"the {what} of the header is not canonical", path)
        return False


def _read_octal(raw: bytes) -> int | None:
    text = raw.strip(b" \0")
    if text == b"" or any(byte not in b"01234567" for byte in text):
        return None
    return int(text, 8)


def _read_size(raw: bytes) -> int | None:
    """A size field; also the base-256 form of other writers, so that what follows can be found."""
    if raw[0] & 0x80:
        return int.from_bytes(bytes([raw[0] & 0x7F]) + raw[1:], "big")
    return _read_octal(raw)


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")


def _read_records(raw: bytes) -> tuple[str | None, int | None]:
    """The records `path` and `size`, in this order, each at most once, at least one (SAME-BND-006)."""
    values: dict[bytes, bytes] = {}
    order: list[bytes] = []
    offset = 0
    while offset < len(raw):
        space = raw.find(b" ", offset, offset + 20)
        digits = raw[offset:space] if space > 0 else b""
        if not digits.isdigit() or digits.startswith(b"0"):
            raise ValueError("a record has no length")
        stop = offset + int(digits)
        record = raw[space + 1 : stop]
        if stop > len(raw) or stop <= space or not record.endswith(b"\n") or b"=" not in record:
            raise ValueError("a record is not LENGTH KEY=VALUE and a line feed")
        key, _, value = record[:-1].partition(b"=")
        if key in values:
            raise ValueError("a record occurs twice")
        values[key] = value
        order.append(key)
        offset = stop
    if order not in ([b"path"], [b"size"], [b"path", b"size"]):
        raise ValueError("it holds other records than path and size, in this order")
    size = values.get(b"size")
    if size is not None and (not size.isdigit() or len(size) > 15):
        raise ValueError("the size is no number")
    path = values.get(b"path")
    return (
        None if path is None else path.decode("utf-8", "surrogateescape"),
        None if size is None else int(size),
    )


def _loose_records(raw: bytes) -> tuple[str | None, int | None]:
    """What a malformed PAX header seems to say, so that the entries after it can still be found."""
    path = None
    size = None
    for line in raw.split(b"\n"):
        _, _, record = line.partition(b" ")
        key, _, value = record.partition(b"=")
        if key == b"path":
            path = value.decode("utf-8", "surrogateescape")
        elif key == b"size" and value.isdigit() and len(value) < 16:
            size = int(value)
    return path, size

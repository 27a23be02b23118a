"""Reading one zstd frame (RFC 8878), for bundles that are packed with it (SAME-BND-024).

Without dictionaries, and in plain Python: slow, and holding no more than the frame's window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

from findings import Finding, refuse
from xxh64 import Checksum
from zstd_blocks import BLOCK_MAX, Blocks
from zstd_tables import Damaged

_WINDOW_MAX = 1 << 31


def decompress(file: BinaryIO, size: int, report: Callable[[Finding], None]) -> Iterator[bytes]:
    """The content of the one frame that a file is. Raises Refused; bytes after the frame are reported."""
    file.seek(0)
    try:
        yield from _frame(file)
    except (Damaged, IndexError) as error:
        raise refuse("SAME1302", "SAME-BND-024", f"the zstd frame is damaged: {error}") from None
    if file.read(1):
        report(Finding("SAME1302", "SAME-BND-024", "bytes follow the zstd frame"))


def _take(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise Damaged("it ends early")
    return data


def _number(file: BinaryIO, count: int) -> int:
    return int.from_bytes(_take(file, count), "little")


def _frame(file: BinaryIO) -> Iterator[bytes]:
    _take(file, 4)
    descriptor = _number(file, 1)
    if descriptor & 8:
        raise Damaged("a reserved bit is set")
    single = bool(descriptor & 32)
    window = 0
    if not single:
        byte = _number(file, 1)
        base = 1 << (10 + (byte >> 3))
        window = base + (base >> 3) * (byte & 7)
    if _number(file, (0, 1, 2, 4)[descriptor & 3]):
        raise Damaged("it needs a dictionary")
    flag = descriptor >> 6
    wanted = None
    if flag or single:
        wanted = _number(file, (1, 2, 4, 8)[flag]) + (256 if flag == 1 else 0)
    if single:
        window = wanted or 0
    if window > _WINDOW_MAX:
        raise Damaged("its window is too large")
    decoder = Blocks(window)
    checksum = Checksum() if descriptor & 4 else None
    total = 0
    last = False
    while not last:
        header = _number(file, 3)
        last, kind, length = bool(header & 1), (header >> 1) & 3, header >> 3
        if kind == 3 or length > BLOCK_MAX:
            raise Damaged("a block is of no known kind or size")
        if kind == 0:
            out = decoder.plain(_take(file, length))
        elif kind == 1:
            out = decoder.plain(_take(file, 1) * length)
        else:
            out = decoder.compressed(_take(file, length))
        total += len(out)
        if wanted is not None and total > wanted:
            raise Damaged("it is longer than it says")
        if checksum is not None:
            checksum.update(out)
        if out:
            yield out
    if wanted is not None and total != wanted:
        raise Damaged("it is shorter than it says")
    if checksum is not None and _number(file, 4) != checksum.value() & 0xFFFFFFFF:
        raise Damaged("its checksum differs")

"""What a bundle file is wrapped in: gzip, zstd or nothing (SAME-BND-023, SAME-BND-024)."""

from __future__ import annotations

import io
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

from findings import Finding, Refused, refuse
from limits import Limits

_CHUNK = 1 << 18
_IN_MEMORY = 64 << 20
_RATIO_FROM = 1 << 20
_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
LAYOUT = b"oci-layout\0"


def gzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """One gzip member as SAME-BND-023 asks for it: no name, no comment, time 0, operating system 255."""
    yield _GZIP_HEADER
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    crc = 0
    size = 0
    for chunk in chunks:
        crc = zlib.crc32(chunk, crc)
        size += len(chunk)
        out = compressor.compress(chunk)
        if out:
            yield out
    yield compressor.flush()
    yield crc.to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little")


def open_archive(
    file: BinaryIO, size: int, limits: Limits, report: Callable[[Finding], None]
) -> tuple[BinaryIO, int]:
    """The raw outer tar of a bundle file as a seekable stream, and its length.

    Raises Refused where no archive can be had: no bundle at all, damaged, or over a limit. Bytes after a complete
    member are reported and passed over.
    """
    file.seek(0)
    head = file.read(512)
    if head[:2] == b"\x1f\x8b":
        return _collect(_gunzip(file, size, report), size, limits)
    if head[:4] == b"\x28\xb5\x2f\xfd":
        import zstd_frame

        return _collect(zstd_frame.decompress(file, size, report), size, limits)
    if head[257:262] == b"ustar":
        if not head.startswith(LAYOUT):
            raise _no_bundle()
        return file, size
    raise _no_bundle()


def _no_bundle() -> Refused:
    return refuse("SAME1306", "SAME-BND-036", "the file is no bundle")


def _gunzip(file: BinaryIO, size: int, report: Callable[[Finding], None]) -> Iterator[bytes]:
    file.seek(0)
    decoder = zlib.decompressobj(wbits=31)
    pending = b""
    while not decoder.eof:
        data = pending or file.read(_CHUNK)
        if not data:
            raise refuse("SAME1302", "SAME-BND-024", "the gzip member ends early")
        try:
            out = decoder.decompress(data, _CHUNK)
        except zlib.error as error:
            raise refuse("SAME1302", "SAME-BND-024", f"the gzip member is damaged: {error}") from None
        pending = decoder.unconsumed_tail
        if out:
            yield out
    if decoder.unused_data or file.read(1):
        report(Finding("SAME1302", "SAME-BND-024", "bytes follow the gzip member"))


def _collect(chunks: Iterator[bytes], packed: int, limits: Limits) -> tuple[BinaryIO, int]:
    """Decompress into a file that is kept in memory only while it is small; nothing grows beyond the limits."""
    spool = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)
    most = limits.unpacked + (limits.entries + 1) * 4096 + limits.pax + (1 << 20)
    total = 0
    head = b""
    try:
        for chunk in chunks:
            total += len(chunk)
            if len(head) < 512:
                head = (head + chunk)[:512]
                if len(head) == 512 and not (head.startswith(LAYOUT) and head[257:262] == b"ustar"):
                    raise _no_bundle()
            if total > _RATIO_FROM and total > limits.ratio * packed:
                raise refuse("SAME1304", "SAME-BND-034", f"unpacks to more than {limits.ratio} times its size")
            if total > most:
                raise refuse("SAME1304", "SAME-BND-034", f"unpacks to more than {limits.unpacked} bytes")
            spool.write(chunk)
    except Refused:
        spool.close()
        raise
    if len(head) < 512:
        raise _no_bundle()
    return spool, total


def from_bytes(data: bytes) -> tuple[BinaryIO, int]:
    """A bundle that is in memory, as open_archive takes it."""
    return io.BytesIO(data), len(data)

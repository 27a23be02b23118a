"""Reading one zstd frame (RFC 8878), for bundles that are packed with it (SAME-BND-024).

Without dictionaries, and in plain Python: slow, and holding no more than the frame's window.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO

from findings import Finding, refuse

_BLOCK_MAX = 128 * 1024
_WINDOW_MAX = 1 << 31
_LITERALS_DEFAULT = (6, (4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1,
                         -1, -1, -1, -1))  # fmt: skip
_OFFSETS_DEFAULT = (5, (1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1))
_MATCHES_DEFAULT = (6, (1, 4, 3, 2, 2, 2, 2, 2, 2, *([1] * 37), *([-1] * 7)))
_LITERAL_BASES = [(n, 0) for n in range(16)] + [
    (16, 1), (18, 1), (20, 1), (22, 1), (24, 2), (28, 2), (32, 3), (40, 3), (48, 4), (64, 6), (128, 7), (256, 8),
    (512, 9), (1024, 10), (2048, 11), (4096, 12), (8192, 13), (16384, 14), (32768, 15), (65536, 16),
]  # fmt: skip
_MATCH_BASES = [(n + 3, 0) for n in range(32)] + [
    (35, 1), (37, 1), (39, 1), (41, 1), (43, 2), (47, 2), (51, 3), (59, 3), (67, 4), (83, 4), (99, 5), (131, 7),
    (259, 8), (515, 9), (1027, 10), (2051, 11), (4099, 12), (8195, 13), (16387, 14), (32771, 15), (65539, 16),
]  # fmt: skip


class _Damaged(Exception):
    pass


def decompress(file: BinaryIO, size: int, report: Callable[[Finding], None]) -> Iterator[bytes]:
    """The content of the one frame that a file is. Raises Refused; bytes after the frame are reported."""
    file.seek(0)
    try:
        yield from _frame(file)
    except (_Damaged, IndexError) as error:
        raise refuse("SAME1302", "SAME-BND-024", f"the zstd frame is damaged: {error}") from None
    if file.read(1):
        report(Finding("SAME1302", "SAME-BND-024", "bytes follow the zstd frame"))


def _take(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise _Damaged("it ends early")
    return data


def _number(file: BinaryIO, count: int) -> int:
    return int.from_bytes(_take(file, count), "little")


def _frame(file: BinaryIO) -> Iterator[bytes]:
    _take(file, 4)
    descriptor = _number(file, 1)
    if descriptor & 8:
        raise _Damaged("a reserved bit is set")
    single = bool(descriptor & 32)
    window = 0
    if not single:
        byte = _number(file, 1)
        base = 1 << (10 + (byte >> 3))
        window = base + (base >> 3) * (byte & 7)
    if _number(file, (0, 1, 2, 4)[descriptor & 3]):
        raise _Damaged("it needs a dictionary")
    flag = descriptor >> 6
    wanted = None
    if flag or single:
        wanted = _number(file, (1, 2, 4, 8)[flag]) + (256 if flag == 1 else 0)
    if single:
        window = wanted or 0
    if window > _WINDOW_MAX:
        raise _Damaged("its window is too large")
    decoder = _Blocks(window)
    checksum = _Checksum() if descriptor & 4 else None
    total = 0
    last = False
    while not last:
        header = _number(file, 3)
        last, kind, length = bool(header & 1), (header >> 1) & 3, header >> 3
        if kind == 3 or length > _BLOCK_MAX:
            raise _Damaged("a block is of no known kind or size")
        if kind == 0:
            out = decoder.plain(_take(file, length))
        elif kind == 1:
            out = decoder.plain(_take(file, 1) * length)
        else:
            out = decoder.compressed(_take(file, length))
        total += len(out)
        if wanted is not None and total > wanted:
            raise _Damaged("it is longer than it says")
        if checksum is not None:
            checksum.update(out)
        if out:
            yield out
    if wanted is not None and total != wanted:
        raise _Damaged("it is shorter than it says")
    if checksum is not None and _number(file, 4) != checksum.value() & 0xFFFFFFFF:
        raise _Damaged("its checksum differs")


class _Backward:
    """Bits that are read from the end of bytes, the highest first; before the beginning all are zero."""

    def __init__(self, data: bytes) -> None:
        if not data or data[-1] == 0:
            raise _Damaged("a bit stream has no end")
        self.data = data
        self.left = 8 * (len(data) - 1) + data[-1].bit_length() - 1

    def read(self, count: int) -> int:
        self.left -= count
        if self.left >= 0:
            start = self.left >> 3
            window = int.from_bytes(self.data[start : start + 8], "little")
            return (window >> (self.left & 7)) & ((1 << count) - 1)
        there = count + self.left
        if there <= 0:
            return 0
        return (int.from_bytes(self.data[:8], "little") & ((1 << there) - 1)) << -self.left


Table = tuple[int, list[tuple[int, int, int]]]
"""Accuracy, and for each state its symbol, how many bits to read, and the base of the next state."""


def _distribution(data: bytes, most: int, symbols: int) -> tuple[Table, int]:
    """An FSE table from its description, and how many bytes that was."""
    bits = int.from_bytes(data, "little")
    end = 8 * len(data)
    accuracy = (bits & 15) + 5
    at = 4
    if accuracy > most:
        raise _Damaged("a table is too accurate")
    remaining = 1 << accuracy
    counts: list[int] = []
    while remaining > 0 and len(counts) < symbols:
        width = (remaining + 1).bit_length()
        value = (bits >> at) & ((1 << width) - 1)
        at += width
        lower = (1 << (width - 1)) - 1
        threshold = (1 << width) - 1 - (remaining + 1)
        if (value & lower) < threshold:
            at -= 1
            value &= lower
        elif value > lower:
            value -= threshold
        counts.append(value - 1)
        remaining -= abs(value - 1)
        if value == 1:
            repeat = 3
            while repeat == 3:
                repeat = (bits >> at) & 3
                at += 2
                counts.extend([0] * repeat)
                if at > end:
                    raise _Damaged("a table ends early")
    if remaining != 0 or at > end or len(counts) > symbols:
        raise _Damaged("a table is not valid")
    return _table(accuracy, tuple(counts)), (at + 7) >> 3


@functools.lru_cache(maxsize=16)
def _table(accuracy: int, counts: tuple[int, ...]) -> Table:
    size = 1 << accuracy
    symbols = [0] * size
    following = [0] * len(counts)
    high = size
    for symbol, count in enumerate(counts):
        if count == -1:
            high -= 1
            symbols[high] = symbol
            following[symbol] = 1
    step = (size >> 1) + (size >> 3) + 3
    at = 0
    for symbol, count in enumerate(counts):
        if count <= 0:
            continue
        following[symbol] = count
        for _ in range(count):
            symbols[at] = symbol
            at = (at + step) & (size - 1)
            while at >= high:
                at = (at + step) & (size - 1)
    rows = []
    for symbol in symbols:
        state = following[symbol]
        following[symbol] += 1
        width = accuracy - (state.bit_length() - 1)
        rows.append((symbol, width, (state << width) - size))
    return accuracy, rows


Huffman = tuple[int, list[tuple[int, int]]]
"""The longest code, and for each of its values the symbol and how long its code is."""


def _huffman(data: bytes) -> tuple[Huffman, int]:
    """A Huffman table from its description, and how many bytes that was."""
    header = data[0]
    if header >= 128:
        count = header - 127
        used = 1 + (count + 1) // 2
        nibbles = [n for byte in data[1:used] for n in (byte >> 4, byte & 15)]
        if len(nibbles) < count:
            raise _Damaged("a Huffman table ends early")
        weights = nibbles[:count]
    else:
        used = 1 + header
        if len(data) < used:
            raise _Damaged("a Huffman table ends early")
        (accuracy, rows), start = _distribution(data[1:used], 6, 256)
        bits = _Backward(data[1 + start : used])
        states = [bits.read(accuracy), bits.read(accuracy)]
        weights = []
        turn = 0
        while True:
            symbol, width, base = rows[states[turn]]
            weights.append(symbol)
            if len(weights) > 254:
                raise _Damaged("a Huffman table is too long")
            states[turn] = base + bits.read(width)
            turn = 1 - turn
            if bits.left < 0:
                weights.append(rows[states[turn]][0])
                break
    total = sum((1 << weight) >> 1 for weight in weights)
    if total == 0:
        raise _Damaged("a Huffman table is empty")
    longest = total.bit_length()
    rest = (1 << longest) - total
    if rest & (rest - 1) or longest > 11:
        raise _Damaged("a Huffman table is not valid")
    weights.append(rest.bit_length())
    lengths = [longest + 1 - weight if weight else 0 for weight in weights]
    table: list[tuple[int, int]] = []
    for length in range(longest, 0, -1):
        for symbol, own in enumerate(lengths):
            if own == length:
                table.extend([(symbol, length)] * (1 << (longest - length)))
    if len(table) != 1 << longest:
        raise _Damaged("a Huffman table is not valid")
    return (longest, table), used


def _huffman_stream(data: bytes, huffman: Huffman, size: int) -> bytes:
    longest, table = huffman
    bits = _Backward(data)
    mask = (1 << longest) - 1
    state = bits.read(longest)
    out = bytearray()
    while bits.left > -longest:
        symbol, length = table[state]
        out.append(symbol)
        state = ((state << length) + bits.read(length)) & mask
        if len(out) > size:
            raise _Damaged("literals are longer than they say")
    if bits.left != -longest or len(out) != size:
        raise _Damaged("literals are not as long as they say")
    return bytes(out)


class _Blocks:
    """Decodes the blocks of one frame, which share tables, offsets and the window."""

    def __init__(self, window: int) -> None:
        self.window = window
        self.history = bytearray()
        self.huffman: Huffman | None = None
        self.tables: list[Table | None] = [None, None, None]
        self.offsets = [1, 4, 8]

    def plain(self, data: bytes) -> bytes:
        self.history += data
        self._forget()
        return data

    def _forget(self) -> None:
        if len(self.history) > 2 * self.window + _BLOCK_MAX:
            del self.history[: len(self.history) - self.window]

    def compressed(self, data: bytes) -> bytes:
        literals, at = self._literals(data)
        first = data[at]
        if first < 128:
            count, at = first, at + 1
        elif first < 255:
            count, at = ((first - 128) << 8) + data[at + 1], at + 2
        else:
            count, at = data[at + 1] + (data[at + 2] << 8) + 0x7F00, at + 3
        start = len(self.history)
        if count == 0:
            if at != len(data):
                raise _Damaged("bytes follow the sequences of a block")
            self.history += literals
        else:
            self._sequences(data, at, count, literals)
        out = bytes(self.history[start:])
        if len(out) > _BLOCK_MAX:
            raise _Damaged("a block is too long")
        self._forget()
        return out

    def _literals(self, data: bytes) -> tuple[bytes, int]:
        kind, form = data[0] & 3, (data[0] >> 2) & 3
        if kind < 2:
            width = (1, 2, 1, 3)[form]
            value = int.from_bytes(data[:width], "little")
            size = value >> (3 if width == 1 else 4)
            stop = width + (size if kind == 0 else 1)
            if stop > len(data):
                raise _Damaged("literals end early")
            return (data[width:stop] if kind == 0 else data[width:stop] * size), stop
        width, bits = ((3, 10), (3, 10), (4, 14), (5, 18))[form]
        value = int.from_bytes(data[:width], "little") >> 4
        size, packed = value & ((1 << bits) - 1), (value >> bits) & ((1 << bits) - 1)
        stop = width + packed
        if stop > len(data):
            raise _Damaged("literals end early")
        body = data[width:stop]
        if kind == 2:
            self.huffman, used = _huffman(body)
            body = body[used:]
        if self.huffman is None:
            raise _Damaged("literals have no table")
        if form == 0:
            return _huffman_stream(body, self.huffman, size), stop
        lengths = [int.from_bytes(body[i : i + 2], "little") for i in (0, 2, 4)]
        part = (size + 3) // 4
        sizes = [part, part, part, size - 3 * part]
        pieces = []
        at = 6
        for index in range(4):
            until = at + lengths[index] if index < 3 else len(body)
            if until > len(body) or sizes[index] < 0:
                raise _Damaged("literals end early")
            pieces.append(_huffman_stream(body[at:until], self.huffman, sizes[index]))
            at = until
        return b"".join(pieces), stop

    def _sequence_table(self, index: int, mode: int, data: bytes, at: int) -> int:
        default = (_LITERALS_DEFAULT, _OFFSETS_DEFAULT, _MATCHES_DEFAULT)[index]
        if mode == 0:
            self.tables[index] = _table(*default)
        elif mode == 1:
            self.tables[index] = (0, [(data[at], 0, 0)])
            at += 1
        elif mode == 2:
            self.tables[index], used = _distribution(data[at:], (9, 8, 9)[index], (36, 32, 53)[index])
            at += used
        elif self.tables[index] is None:
            raise _Damaged("sequences have no table")
        return at

    def _sequences(self, data: bytes, at: int, count: int, literals: bytes) -> None:
        modes = data[at]
        at += 1
        if modes & 3:
            raise _Damaged("a reserved bit is set")
        for index, shift in ((0, 6), (1, 4), (2, 2)):
            at = self._sequence_table(index, (modes >> shift) & 3, data, at)
        bits = _Backward(data[at:])
        (ll_width, ll_rows), (of_width, of_rows), (ml_width, ml_rows) = self.tables  # type: ignore[misc]
        ll, of, ml = bits.read(ll_width), bits.read(of_width), bits.read(ml_width)
        used = 0
        history = self.history
        for number in range(count):
            code = of_rows[of][0]
            if code > 31:
                raise _Damaged("an offset is too large")
            offset_value = (1 << code) + bits.read(code)
            base, width = _MATCH_BASES[ml_rows[ml][0]]
            match = base + bits.read(width)
            base, width = _LITERAL_BASES[ll_rows[ll][0]]
            length = base + bits.read(width)
            if number + 1 < count:
                _, width, base = ll_rows[ll]
                ll = base + bits.read(width)
                _, width, base = ml_rows[ml]
                ml = base + bits.read(width)
                _, width, base = of_rows[of]
                of = base + bits.read(width)
            if used + length > len(literals) or bits.left < 0:
                raise _Damaged("a sequence has no literals or bits left")
            history += literals[used : used + length]
            used += length
            offset = self._offset(offset_value, length)
            if offset <= 0 or offset > len(history):
                raise _Damaged("an offset leads before the beginning")
            start = len(history) - offset
            if offset >= match:
                history += history[start : start + match]
            else:
                piece = bytes(history[start:])
                history += (piece * (match // offset + 1))[:match]
        if bits.left != 0:
            raise _Damaged("bits are left after the sequences")
        history += literals[used:]

    def _offset(self, value: int, length: int) -> int:
        offsets = self.offsets
        if value > 3:
            offset = value - 3
            self.offsets = [offset, offsets[0], offsets[1]]
            return offset
        index = value - 1 + (length == 0)
        if index == 0:
            return offsets[0]
        offset = offsets[index] if index < 3 else offsets[0] - 1
        self.offsets = [offset, offsets[0], offsets[2] if index == 1 else offsets[1]]
        return offset


_MASK = (1 << 64) - 1
_P1, _P2, _P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_P4, _P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5


def _rotate(value: int, count: int) -> int:
    return ((value << count) | (value >> (64 - count))) & _MASK


class _Checksum:
    """XXH64 with seed 0."""

    def __init__(self) -> None:
        self.lanes = [(_P1 + _P2) & _MASK, _P2, 0, -_P1 & _MASK]
        self.pending = b""
        self.total = 0

    def update(self, data: bytes) -> None:
        self.total += len(data)
        data = self.pending + data
        whole = len(data) - len(data) % 32
        a, b, c, d = self.lanes
        for one, two, three, four in struct.iter_unpack("<4Q", memoryview(data)[:whole]):
            a = (a + one * _P2) & _MASK
            a = ((a << 31 | a >> 33) & _MASK) * _P1 & _MASK
            b = (b + two * _P2) & _MASK
            b = ((b << 31 | b >> 33) & _MASK) * _P1 & _MASK
            c = (c + three * _P2) & _MASK
            c = ((c << 31 | c >> 33) & _MASK) * _P1 & _MASK
            d = (d + four * _P2) & _MASK
            d = ((d << 31 | d >> 33) & _MASK) * _P1 & _MASK
        self.lanes = [a, b, c, d]
        self.pending = data[whole:]

    @staticmethod
    def mix(lane: int, word: int) -> int:
        lane = (lane + word * _P2) & _MASK
        return (_rotate(lane, 31) * _P1) & _MASK

    def value(self) -> int:
        if self.total >= 32:
            a, b, c, d = self.lanes
            result = (_rotate(a, 1) + _rotate(b, 7) + _rotate(c, 12) + _rotate(d, 18)) & _MASK
            for lane in self.lanes:
                result = ((result ^ self.mix(0, lane)) * _P1 + _P4) & _MASK
        else:
            result = _P5
        result = (result + self.total) & _MASK
        data = self.pending
        while len(data) >= 8:
            result ^= self.mix(0, int.from_bytes(data[:8], "little"))
            result = (_rotate(result, 27) * _P1 + _P4) & _MASK
            data = data[8:]
        if len(data) >= 4:
            result ^= (int.from_bytes(data[:4], "little") * _P1) & _MASK
            result = (_rotate(result, 23) * _P2 + _P3) & _MASK
            data = data[4:]
        for byte in data:
            result ^= (byte * _P5) & _MASK
            result = (_rotate(result, 11) * _P1) & _MASK
        result ^= result >> 33
        result = (result * _P2) & _MASK
        result ^= result >> 29
        result = (result * _P3) & _MASK
        return result ^ (result >> 32)

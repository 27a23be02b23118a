"""Tables of zstd frames (RFC 8878, 4): finite state entropy, Huffman, and the bits that they read."""

from __future__ import annotations

import functools


class Damaged(Exception):
    """The frame is not one, and why."""


class Backward:
    """Bits that are read from the end of bytes, the highest first; before the beginning all are zero."""

    def __init__(self, data: bytes) -> None:
        if not data or data[-1] == 0:
            raise Damaged("a bit stream has no end")
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


def distribution(data: bytes, most: int, symbols: int) -> tuple[Table, int]:
    """An FSE table from its description, and how many bytes that was."""
    bits = int.from_bytes(data, "little")
    end = 8 * len(data)
    accuracy = (bits & 15) + 5
    at = 4
    if accuracy > most:
        raise Damaged("a table is too accurate")
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
                    raise Damaged("a table ends early")
    if remaining != 0 or at > end or len(counts) > symbols:
        raise Damaged("a table is not valid")
    return table_of(accuracy, tuple(counts)), (at + 7) >> 3


@functools.lru_cache(maxsize=16)
def table_of(accuracy: int, counts: tuple[int, ...]) -> Table:
    """The table of a distribution of symbols."""
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


def huffman_of(data: bytes) -> tuple[Huffman, int]:
    """A Huffman table from its description, and how many bytes that was."""
    header = data[0]
    if header >= 128:
        count = header - 127
        used = 1 + (count + 1) // 2
        nibbles = [n for byte in data[1:used] for n in (byte >> 4, byte & 15)]
        if len(nibbles) < count:
            raise Damaged("a Huffman table ends early")
        weights = nibbles[:count]
    else:
        used = 1 + header
        if len(data) < used:
            raise Damaged("a Huffman table ends early")
        (accuracy, rows), start = distribution(data[1:used], 6, 256)
        bits = Backward(data[1 + start : used])
        states = [bits.read(accuracy), bits.read(accuracy)]
        weights = []
        turn = 0
        while True:
            symbol, width, base = rows[states[turn]]
            weights.append(symbol)
            if len(weights) > 254:
                raise Damaged("a Huffman table is too long")
            states[turn] = base + bits.read(width)
            turn = 1 - turn
            if bits.left < 0:
                weights.append(rows[states[turn]][0])
                break
    total = sum((1 << weight) >> 1 for weight in weights)
    if total == 0:
        raise Damaged("a Huffman table is empty")
    longest = total.bit_length()
    rest = (1 << longest) - total
    if rest & (rest - 1) or longest > 11:
        raise Damaged("a Huffman table is not valid")
    weights.append(rest.bit_length())
    lengths = [longest + 1 - weight if weight else 0 for weight in weights]
    table: list[tuple[int, int]] = []
    for length in range(longest, 0, -1):
        for symbol, own in enumerate(lengths):
            if own == length:
                table.extend([(symbol, length)] * (1 << (longest - length)))
    if len(table) != 1 << longest:
        raise Damaged("a Huffman table is not valid")
    return (longest, table), used


def huffman_stream(data: bytes, huffman: Huffman, size: int) -> bytes:
    """So many symbols from a stream of their codes."""
    longest, table = huffman
    bits = Backward(data)
    mask = (1 << longest) - 1
    state = bits.read(longest)
    out = bytearray()
    while bits.left > -longest:
        symbol, length = table[state]
        out.append(symbol)
        state = ((state << length) + bits.read(length)) & mask
        if len(out) > size:
            raise Damaged("literals are longer than they say")
    if bits.left != -longest or len(out) != size:
        raise Damaged("literals are not as long as they say")
    return bytes(out)

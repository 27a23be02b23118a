"""Compressed blocks of zstd frames (RFC 8878, 3.1.1.3): literals, sequences, and what they repeat."""

from __future__ import annotations

from zstd_tables import Backward, Damaged, Huffman, Table, distribution, huffman_of, huffman_stream, table_of

BLOCK_MAX = 128 * 1024
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


class Blocks:
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
        if len(self.history) > 2 * self.window + BLOCK_MAX:
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
                raise Damaged("bytes follow the sequences of a block")
            self.history += literals
        else:
            self._sequences(data, at, count, literals)
        out = bytes(self.history[start:])
        if len(out) > BLOCK_MAX:
            raise Damaged("a block is too long")
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
                raise Damaged("literals end early")
            return (data[width:stop] if kind == 0 else data[width:stop] * size), stop
        width, bits = ((3, 10), (3, 10), (4, 14), (5, 18))[form]
        value = int.from_bytes(data[:width], "little") >> 4
        size, packed = value & ((1 << bits) - 1), (value >> bits) & ((1 << bits) - 1)
        stop = width + packed
        if stop > len(data):
            raise Damaged("literals end early")
        body = data[width:stop]
        if kind == 2:
            self.huffman, used = huffman_of(body)
            body = body[used:]
        if self.huffman is None:
            raise Damaged("literals have no table")
        if form == 0:
            return huffman_stream(body, self.huffman, size), stop
        lengths = [int.from_bytes(body[i : i + 2], "little") for i in (0, 2, 4)]
        part = (size + 3) // 4
        sizes = [part, part, part, size - 3 * part]
        pieces = []
        at = 6
        for index in range(4):
            until = at + lengths[index] if index < 3 else len(body)
            if until > len(body) or sizes[index] < 0:
                raise Damaged("literals end early")
            pieces.append(huffman_stream(body[at:until], self.huffman, sizes[index]))
            at = until
        return b"".join(pieces), stop

    def _sequence_table(self, index: int, mode: int, data: bytes, at: int) -> int:
        default = (_LITERALS_DEFAULT, _OFFSETS_DEFAULT, _MATCHES_DEFAULT)[index]
        if mode == 0:
            self.tables[index] = table_of(*default)
        elif mode == 1:
            self.tables[index] = (0, [(data[at], 0, 0)])
            at += 1
        elif mode == 2:
            self.tables[index], used = distribution(data[at:], (9, 8, 9)[index], (36, 32, 53)[index])
            at += used
        elif self.tables[index] is None:
            raise Damaged("sequences have no table")
        return at

    def _sequences(self, data: bytes, at: int, count: int, literals: bytes) -> None:
        modes = data[at]
        at += 1
        if modes & 3:
            raise Damaged("a reserved bit is set")
        for index, shift in ((0, 6), (1, 4), (2, 2)):
            at = self._sequence_table(index, (modes >> shift) & 3, data, at)
        bits = Backward(data[at:])
        (ll_width, ll_rows), (of_width, of_rows), (ml_width, ml_rows) = self.tables  # type: ignore[misc]
        ll, of, ml = bits.read(ll_width), bits.read(of_width), bits.read(ml_width)
        used = 0
        history = self.history
        for number in range(count):
            code = of_rows[of][0]
            if code > 31:
                raise Damaged("an offset is too large")
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
                raise Damaged("a sequence has no literals or bits left")
            history += literals[used : used + length]
            used += length
            offset = self._offset(offset_value, length)
            if offset <= 0 or offset > len(history):
                raise Damaged("an offset leads before the beginning")
            start = len(history) - offset
            if offset >= match:
                history += history[start : start + match]
            else:
                piece = bytes(history[start:])
                history += (piece * (match // offset + 1))[:match]
        if bits.left != 0:
            raise Damaged("bits are left after the sequences")
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

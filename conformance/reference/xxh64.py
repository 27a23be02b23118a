"""The checksum of zstd frames: XXH64."""

from __future__ import annotations

import struct

_MASK = (1 << 64) - 1
_P1, _P2, _P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_P4, _P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5


def _rotate(value: int, count: int) -> int:
    return ((value << count) | (value >> (64 - count))) & _MASK


class Checksum:
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

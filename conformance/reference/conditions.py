"""Conditions (`when`): whether a text is one, and which names it has (SAME-PIP-034, SAME-PIP-042)."""

from __future__ import annotations

import json
import math
import re

_TOKEN = re.compile(
    r"\s*(?:(?P<text>\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<number>-?[0-9][0-9A-Za-z_.+-]*)"
    r"|(?P<name>[A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z][A-Za-z0-9_-]*)*)"
    r"|(?P<sign>==|!=|<=|>=|&&|\|\||[<>!()\[\],]))",
    re.DOTALL,
)
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?\Z")
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=", "in")
_DEEPEST = 100
_LARGEST = 2**53 - 1


class NotACondition(Exception):
    """Why a text is no condition."""


def names(text: str) -> list[tuple[str | None, str]]:
    """The names of a condition, each with `parameters`, `matrix` or None. Raises NotACondition."""
    return _Reader(text).whole()


class _Reader:
    def __init__(self, text: str) -> None:
        self.tokens = list(_tokens(text))
        self.position = 0
        self.found: list[tuple[str | None, str]] = []

    def whole(self) -> list[tuple[str | None, str]]:
        self.alternatives(0)
        if self.kind() != "end":
            raise NotACondition(f"{self.word()!r} is not expected")
        return self.found

    def kind(self) -> str:
        return self.tokens[self.position][0]

    def word(self) -> str:
        return self.tokens[self.position][1]

    def take(self, sign: str) -> bool:
        if self.kind() == "sign" and self.word() == sign:
            self.position += 1
            return True
        return False

    def alternatives(self, depth: int) -> None:
        self.conjunction(depth)
        while self.take("||"):
            self.conjunction(depth)

    def conjunction(self, depth: int) -> None:
        self.comparison(depth)
        while self.take("&&"):
            self.comparison(depth)

    def compares(self) -> bool:
        return self.kind() in ("sign", "name") and self.word() in _COMPARISONS

    def comparison(self, depth: int) -> None:
        self.operand(depth + 1)
        if self.compares():
            self.position += 1
            self.operand(depth + 1)
            if self.compares():
                raise NotACondition("comparisons do not chain")

    def operand(self, depth: int) -> None:
        if depth > _DEEPEST + 1:
            raise NotACondition("is nested too deeply")
        if self.take("!"):
            self.operand(depth + 1)
        elif self.take("("):
            self.alternatives(depth)
            self.close(")")
        elif self.take("["):
            if not self.take("]"):
                self.alternatives(depth)
                while self.take(","):
                    self.alternatives(depth)
                self.close("]")
        else:
            self.single()

    def close(self, sign: str) -> None:
        if not self.take(sign):
            raise NotACondition(f"{sign} is missing")

    def single(self) -> None:
        kind, word = self.tokens[self.position]
        if kind not in ("text", "number", "name") or word == "in":
            raise NotACondition(f"{word!r} is not expected")
        self.position += 1
        if kind == "text":
            _check_text(word)
        elif kind == "number":
            _check_number(word)
        elif word not in ("true", "false", "null"):
            parts = word.split(".")
            if len(parts) == 1:
                self.found.append((None, word))
            elif len(parts) == 2 and parts[0] in ("parameters", "matrix"):
                self.found.append((parts[0], parts[1]))
            else:
                raise NotACondition(f"{word} is no name")


def _tokens(text: str) -> list[tuple[str, str]]:
    found = []
    position = 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            raise NotACondition(f"{text[position:position + 20]!r} is not expected")
        assert match.lastgroup is not None
        found.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return [*found, ("end", "")]


def _check_text(word: str) -> None:
    try:
        json.loads(word).encode("utf-8")
    except (ValueError, UnicodeEncodeError) as error:
        raise NotACondition(f"{word} is no text of JSON") from error


def _check_number(word: str) -> None:
    if not _NUMBER.match(word):
        raise NotACondition(f"{word} is no number of JSON")
    value = float(word)
    if not math.isfinite(value) or (value.is_integer() and _LARGEST < abs(value) < 1e21):
        raise NotACondition(f"{word} is not kept exactly")

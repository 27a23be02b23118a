"""Scalars of YAML: plain, and in quotes (SAME-PRG-002, SAME-PRG-005)."""

from __future__ import annotations

import math
import re

import canonical_json
from yaml_cursor import FLOW, SPACE, Cursor, Node

_INDICATORS = "-?:,[]{}#&*!|>'\"%@`"
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_ESCAPES = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "\t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "e": "\x1b",
    " ": " ", '"': '"', "/": "/", "\\": "\\", "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029",
}  # fmt: skip
_HEX_ESCAPES = {"x": 2, "u": 4, "U": 8}


def scalar(cursor: Cursor, text: str, at: int) -> Node:
    """Text in quotes or in a block."""
    if canonical_json.has_surrogate(text):
        cursor.find("SAME1015", "SAME-PRG-005", "text holds half a surrogate pair", at)
        return Node(text, cursor.places.of(at), True)
    return Node(text, cursor.places.of(at))


def resolve(cursor: Cursor, text: str, at: int) -> Node:
    """What a plain scalar is, by its text alone (SAME-PRG-002)."""
    place = cursor.places.of(at)
    if text in ("", "~", "null", "Null", "NULL"):
        return Node(None, place)
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return Node(text[0] in "tT", place)
    if _INTEGER.fullmatch(text):
        return _integer(cursor, text, at)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if not math.isfinite(number):
            cursor.find("SAME1015", "SAME-PRG-005", "a number is not finite as a double", at)
            return Node(0, place, True)
        if canonical_json.is_inexact_integer(number):
            cursor.find("SAME1015", "SAME-PRG-005", "an integer cannot be held exactly", at)
            return Node(0, place, True)
        return Node(number, place)
    if _NOT_FINITE.fullmatch(text):
        cursor.find("SAME1015", "SAME-PRG-005", "a number is not finite", at)
        return Node(0, place, True)
    return Node(text, place)


def _integer(cursor: Cursor, text: str, at: int) -> Node:
    digits, base = text, 10
    if text.startswith("0o"):
        digits, base = text[2:], 8
    elif text.startswith("0x"):
        digits, base = text[2:], 16
    significant = digits.lstrip("+-0")
    if len(significant) > 20 or abs(int(significant or "0", base)) > canonical_json.SAFE_INTEGER:
        cursor.find("SAME1015", "SAME-PRG-005", "an integer cannot be held exactly", at)
        return Node(0, cursor.places.of(at), True)
    number = int(significant or "0", base)
    return Node(-number if text.startswith("-") else number, cursor.places.of(at))


def plain_scalar(cursor: Cursor, parent: int, in_flow: bool) -> Node:
    """A plain scalar of one line or several; only one of one line may be something else than text."""
    at = cursor.pos
    text = plain_line(cursor, in_flow)
    several = False
    while cursor.peek() == "\n":
        here = cursor.pos
        breaks = 0
        while cursor.peek() == "\n":
            breaks += 1
            cursor.pos += 1
            line = cursor.pos
            cursor.spaces()
        blanks = len(cursor.text[line : cursor.pos]) - len(cursor.text[line : cursor.pos].lstrip(" "))
        stops = cursor.pos >= cursor.end or blanks <= parent or cursor.peek() == "#"
        if stops or (cursor.pos == line and cursor.marker()) or (in_flow and cursor.peek() in FLOW):
            cursor.pos = here
            break
        if cursor.flow_colon(False) if in_flow else cursor.indicator(":"):
            cursor.pos = here
            break
        several = True
        text += " " if breaks == 1 else "\n" * (breaks - 1)
        text += plain_line(cursor, in_flow, first=False)
    if several:
        return Node(text, cursor.places.of(at))
    return resolve(cursor, text, at)


def plain_line(cursor: Cursor, in_flow: bool, first: bool = True) -> str:
    """Plain text up to where it ends on its line; `pos` is then behind the blanks that follow it."""
    start = cursor.pos
    character = cursor.peek()
    if first:
        if character == "" or (character in _INDICATORS and not _plain_start(cursor, in_flow)):
            raise cursor.broken(f"no value begins with {character or 'the end of the text'}")
    while cursor.pos < cursor.end:
        character = cursor.text[cursor.pos]
        if character == "\n" or (in_flow and character in FLOW):
            break
        if character == ":" and (cursor.blank_at(cursor.pos + 1) or (in_flow and cursor.peek(1) in FLOW)):
            break
        if character == "#" and cursor.pos > start and cursor.text[cursor.pos - 1] in SPACE:
            break
        cursor.pos += 1
    text = cursor.text[start : cursor.pos].rstrip(SPACE)
    if cursor.peek() == "#":
        # Leaves the blank before the comment, so that it is seen as one.
        cursor.pos = start + len(text)
    return text


def _plain_start(cursor: Cursor, in_flow: bool) -> bool:
    if cursor.peek() not in ("-", "?", ":"):
        return False
    return not cursor.blank_at(cursor.pos + 1) and not (in_flow and cursor.peek(1) in FLOW)


def quoted(cursor: Cursor, parent: int) -> Node:
    """Text in single or double quotes."""
    at = cursor.pos
    quote = cursor.peek()
    cursor.pos += 1
    parts: list[str] = []
    kept = 0
    while True:
        character = cursor.peek()
        if character == "":
            raise cursor.broken("a quote is not closed", at)
        if character == quote:
            if quote == "'" and cursor.peek(1) == "'":
                parts.append("'")
                cursor.pos += 2
                continue
            cursor.pos += 1
            return scalar(cursor, "".join(parts), at)
        if character == "\n":
            while len(parts) > kept and parts[-1] in SPACE:
                parts.pop()
            breaks = _quoted_break(cursor, parent, at)
            parts.append(" " if breaks == 1 else "\n" * (breaks - 1))
            kept = len(parts)
        elif character == "\\" and quote == '"':
            cursor.pos += 1
            if cursor.peek() == "\n":
                breaks = _quoted_break(cursor, parent, at)
                parts.append("\n" * (breaks - 1))
            else:
                parts.append(_escape(cursor))
            kept = len(parts)
        else:
            parts.append(character)
            cursor.pos += 1


def _quoted_break(cursor: Cursor, parent: int, at: int) -> int:
    """Pass over a line end inside quotes and what is blank after it; answers how many lines ended."""
    breaks = 0
    while cursor.peek() == "\n":
        breaks += 1
        cursor.pos += 1
        if cursor.marker():
            raise cursor.broken("a quote is not closed before the document ends", at)
        line = cursor.pos
        cursor.spaces()
    leading = cursor.text[line : cursor.pos]
    if cursor.peek() and len(leading) - len(leading.lstrip(" ")) <= parent:
        raise cursor.broken("quoted text goes on without indentation")
    return breaks


def _escape(cursor: Cursor) -> str:
    character = cursor.peek()
    if character in _ESCAPES and character:
        cursor.pos += 1
        return _ESCAPES[character]
    count = _HEX_ESCAPES.get(character)
    if count is None:
        raise cursor.broken(f"\\{character} is no escape", cursor.pos - 1)
    code = _hexadecimal(cursor, count)
    if character == "u" and 0xD800 <= code < 0xDC00 and cursor.text.startswith("\\u", cursor.pos):
        before = cursor.pos
        cursor.pos += 1
        low = _hexadecimal(cursor, 4)
        if 0xDC00 <= low < 0xE000:
            return chr(0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00))
        cursor.pos = before
    if code > 0x10FFFF:
        raise cursor.broken("an escape is beyond the last code point")
    return chr(code)


def _hexadecimal(cursor: Cursor, count: int) -> int:
    digits = cursor.text[cursor.pos + 1 : cursor.pos + 1 + count]
    if not re.fullmatch(f"[0-9a-fA-F]{{{count}}}", digits):
        raise cursor.broken("an escape has too few digits", cursor.pos - 1)
    cursor.pos += 1 + count
    return int(digits, 16)

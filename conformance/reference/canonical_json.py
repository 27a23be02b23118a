"""Strict reading of JSON and its canonical form (RFC 8785).

SAME-PRG-033 and the bundle's documents use the canonical form; SAME-BND-035 and SAME-PRG-005 say which texts of
JSON are no documents at all: duplicate keys, invalid UTF-8, a byte order mark, `__proto__`, half surrogate pairs,
and integers that a double cannot hold exactly.
"""

from __future__ import annotations

import json
import math

SAFE_INTEGER = 2**53 - 1
"""The largest integer that every reader of JSON holds exactly (SAME-PRG-005)."""


class NotJson(Exception):
    """The bytes are no JSON text that a document may be; `kind` tells why.

    `kind` is one of `encoding`, `syntax`, `duplicate` and `value` (numbers, surrogates, `__proto__`).
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def read(data: bytes) -> object:
    """Parse a JSON text strictly. Raises NotJson."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotJson("encoding", f"not UTF-8 at byte {error.start}") from None
    if text.startswith("\ufeff"):
        raise NotJson("encoding", "begins with a byte order mark")
    return read_text(text)


def read_text(text: str) -> object:
    """Parse a JSON text that is decoded already. Raises NotJson."""
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_number,
            parse_constant=_constant,
        )
    except json.JSONDecodeError as error:
        raise NotJson("syntax", f"not JSON: {error}") from None
    except RecursionError:
        raise NotJson("syntax", "nested too deeply") from None
    check_text(value)
    return value


def depth(value: object) -> int:
    """How many lists and objects lie in one another."""
    deepest = 0
    stack = [(value, 0)]
    while stack:
        item, level = stack.pop()
        deepest = max(deepest, level + isinstance(item, (list, dict)))
        if isinstance(item, list):
            stack.extend((inner, level + 1) for inner in item)
        elif isinstance(item, dict):
            stack.extend((inner, level + 1) for inner in item.values())
    return deepest


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result: dict[str, object] = {}
    for key, value in pairs:
        if key == "__proto__":
            raise NotJson("value", 'a member is called "__proto__"')
        if key in result:
            raise NotJson("duplicate", f"the key {json.dumps(key)} occurs twice")
        result[key] = value
    return result


def _integer(digits: str) -> int:
    if len(digits) > 17 or abs(int(digits)) > SAFE_INTEGER:
        raise NotJson("value", f"the integer {digits[:40]} cannot be held exactly")
    return int(digits)


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise NotJson("value", f"the number {text[:40]} is not finite as a double")
    if is_inexact_integer(value):
        raise NotJson("value", f"the integer {text[:40]} cannot be held exactly")
    return value


def is_inexact_integer(number: float) -> bool:
    """Whether a number is an integer beyond ±(2^53 - 1): one that the canonical form writes with digits only."""
    return abs(number) > SAFE_INTEGER and "e" not in number_text(number)


def _constant(text: str) -> object:
    raise NotJson("syntax", f"{text} is no JSON")


def check_text(value: object) -> None:
    """Refuse text that UTF-8 cannot say: half a surrogate pair, in keys or in values."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            if has_surrogate(item):
                raise NotJson("value", "text holds half a surrogate pair")
        elif isinstance(item, list):
            stack.extend(item)
        elif isinstance(item, dict):
            stack.extend(item.keys())
            stack.extend(item.values())


def has_surrogate(text: str) -> bool:
    """Whether text holds a surrogate code point."""
    return any("\ud800" <= character <= "\udfff" for character in text)


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def text_of(value: object) -> str:
    """The canonical form as text: RFC 8785."""
    parts: list[str] = []
    _write(value, parts)
    return "".join(parts)


def bytes_of(value: object) -> bytes:
    """The canonical form: RFC 8785 in UTF-8."""
    return text_of(value).encode("utf-8")


def _write(value: object, parts: list[str]) -> None:
    if value is None:
        parts.append("null")
    elif value is True:
        parts.append("true")
    elif value is False:
        parts.append("false")
    elif isinstance(value, str):
        parts.append(_string(value))
    elif isinstance(value, (int, float)):
        parts.append(number_text(value))
    elif isinstance(value, list):
        parts.append("[")
        for index, item in enumerate(value):
            if index:
                parts.append(",")
            _write(item, parts)
        parts.append("]")
    elif isinstance(value, dict):
        parts.append("{")
        for index, key in enumerate(sorted(value, key=code_units)):
            if index:
                parts.append(",")
            parts.append(_string(key))
            parts.append(":")
            _write(value[key], parts)
        parts.append("}")
    else:
        raise TypeError(f"JSON has no {type(value).__name__}")


def _string(text: str) -> str:
    escaped = []
    for character in text:
        if character in _ESCAPES:
            escaped.append(_ESCAPES[character])
        elif character < " ":
            escaped.append(f"\\u{ord(character):04x}")
        else:
            escaped.append(character)
    return '"' + "".join(escaped) + '"'


def code_units(text: str) -> bytes:
    """A sort key: the order of UTF-16 code units, which RFC 8785 and "by code unit" mean."""
    return text.encode("utf-16-be", "surrogatepass")


def number_text(number: int | float) -> str:
    """A number as ECMAScript's Number::toString writes it (RFC 8785, section 3.2.2.3)."""
    if isinstance(number, int):
        if abs(number) <= SAFE_INTEGER:
            return str(number)
        number = float(number)
    if number == 0:
        return "0"
    sign = "-" if number < 0 else ""
    # repr gives the shortest digits that read back as the same double, which is ECMAScript's rule too.
    mantissa, _, exponent_text = repr(abs(number)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    if fraction == "0":
        fraction = ""
    point = len(whole) + int(exponent_text or "0")
    digits = whole + fraction
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    digits = stripped.rstrip("0")
    count = len(digits)
    if count <= point <= 21:
        return sign + digits + "0" * (point - count)
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    exponent = point - 1
    tail = f"e{'+' if exponent > 0 else '-'}{abs(exponent)}"
    return sign + digits[0] + ("." + digits[1:] if count > 1 else "") + tail

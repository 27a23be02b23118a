"""Words that give values to parameters, by the declared type alone (SAME-PAR-014)."""

from __future__ import annotations

import re
from pathlib import Path

import canonical_json
from parameters import base_type, takes_null

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)\Z")
_NUMBER = re.compile(r"-?((0|[1-9][0-9]*)(\.[0-9]+)?|\.[0-9]+)([eE][+-]?[0-9]+)?\Z")
_WHITE = " \t\r\n"


class NoFile(ValueError):
    """A file that a word names cannot be read."""


def _text_of_file(word: str) -> str:
    """The text of the file that `@FILE` names (SAME-PAR-014)."""
    try:
        return Path(word[1:]).read_bytes().decode("utf-8")
    except OSError as error:
        raise NoFile(f"{word[1:]} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{word[1:]} is not UTF-8") from None


def from_words(declaration: dict, words: list[str | bool], files: bool = False) -> object:
    """The value that words give by the declared type alone (SAME-PAR-014). Raises ValueError.

    `files` says whether `@FILE` is read.
    """
    kind = base_type(declaration)
    if files and len(words) == 1 and isinstance(words[0], str) and words[0].startswith("@"):
        texts_only = kind == "array" and base_type(declaration.get("items", {"type": "array"})) == "string"
        if kind == "object" or (kind == "array" and not texts_only):
            return _json(_text_of_file(words[0]), list if kind == "array" else dict, kind)
    if kind == "array":
        texts = [str(word) for word in words]
        if len(texts) == 1:
            if takes_null(declaration) and texts[0] == "null":
                return None
            if texts[0].lstrip(_WHITE).startswith("["):
                return _json(texts[0], list, "array")
        items = declaration.get("items", {"type": "string"})
        return [from_words(items, [text]) for text in texts]
    if len(words) > 1:
        raise ValueError(f"expected {kind}, got it {len(words)} times")
    word = words[0]
    if isinstance(word, bool):
        return word
    if takes_null(declaration) and word == "null":
        return None
    return _from_text(kind, word)


def _from_text(kind: str, text: str) -> object:
    """The value of one word by a type that is no array. Raises ValueError."""
    if kind == "string":
        return text
    if kind == "integer":
        if not _INTEGER.match(text) or len(text) > 17 or abs(int(text)) > canonical_json.SAFE_INTEGER:
            raise ValueError(f'expected integer, got "{text}"')
        return int(text)
    if kind == "number":
        if not _NUMBER.match(text):
            raise ValueError(f'expected number, got "{text}"')
        number = float(text)
        if number in (float("inf"), float("-inf")):
            raise ValueError(f'expected number, got "{text}", which is not finite')
        if number == 0 and re.search("[1-9]", re.split("[eE]", text)[0]):
            raise ValueError(f'expected number, got "{text}", which is too small for a double')
        if canonical_json.is_inexact_integer(number):
            raise ValueError(f'expected number, got "{text}", which cannot be held exactly')
        return int(number) if number == int(number) and abs(number) < 2**53 else number
    if kind == "boolean":
        if text not in ("true", "false"):
            raise ValueError(f'expected true or false, got "{text}"')
        return text == "true"
    if kind == "array":
        return _json(text, list, "array")
    return _json(text, dict, "object")


def _json(text: str, kind: type, name: str) -> object:
    try:
        value = canonical_json.read_text(text)
    except canonical_json.NotJson as error:
        raise ValueError(f"expected {name} as JSON: {error}") from None
    if not isinstance(value, kind):
        raise ValueError(f"expected {name}, got other JSON")
    return value

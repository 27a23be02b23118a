"""Places in commands (SAME-PIP-009 to SAME-PIP-012): which are known, and which would become shell syntax."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_NAME = re.compile(r"(parameters|inputs|outputs|matrix)\.([A-Za-z][A-Za-z0-9_-]{0,63})\Z")
_SHELLS = {"sh", "bash", "dash", "ash", "zsh", "ksh", "fish"}


@dataclass(frozen=True)
class Spot:
    """A place in a text: from `start` to `stop`, with what stands between the braces, or None if it is not closed."""

    start: int
    stop: int
    content: str | None


def spots(text: str) -> Iterator[Spot]:
    """Every place in a text, in its order."""
    at = text.find("{{")
    while at >= 0:
        stop = text.find("}}", at + 2)
        if stop < 0:
            yield Spot(at, len(text), None)
            return
        yield Spot(at, stop + 2, text[at + 2 : stop].strip())
        at = text.find("{{", stop + 2)


def unknown(spot: Spot, known: dict[str, set[str]]) -> str | None:
    """Why a place leads nowhere, or None (SAME-PIP-009). `known` has the names that each kind of place may have."""
    if spot.content is None:
        return "a place is not closed"
    if spot.content in ("flags", "scratch"):
        return None
    match = _NAME.match(spot.content)
    if match is None:
        return f"{{{{{spot.content}}}}} is no place"
    if match[2] not in known[match[1]]:
        return f"{match[1]} has nothing called {match[2]} here"
    return None


def shell_text(words: list[str]) -> int | None:
    """Which word of a list is the command text of a shell, as the third of `[sh, -c, …]`, or None (SAME-PIP-012)."""
    for number, word in enumerate(words):
        if word.rsplit("/", 1)[-1] not in _SHELLS:
            continue
        found = False
        index = number + 1
        while index < len(words) and words[index].startswith(("-", "+")):
            option = words[index]
            found = found or bool(re.fullmatch(r"-[A-Za-z]*c[A-Za-z]*", option))
            index += 2 if option.endswith("o") else 1
        if found and index < len(words):
            return index
    return None


def unquoted(text: str) -> set[int]:
    """Where in a shell command places may stand: the starts of those that are in no quotes and no other syntax."""
    return _Shell(text).read()


class _Shell:
    """Follows a POSIX shell's quoting, just far enough to know where a word's own text is plain."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.pos = 0
        self.good: set[int] = set()

    def read(self) -> set[int]:
        self.commands("")
        return self.good

    def at(self, token: str) -> bool:
        return self.text.startswith(token, self.pos)

    def spot(self, fine: bool) -> None:
        stop = self.text.find("}}", self.pos + 2)
        before = self.text[self.pos - 1] if self.pos else ""
        if fine and before not in ("\\", "$"):
            self.good.add(self.pos)
        self.pos = len(self.text) if stop < 0 else stop + 2

    def commands(self, closing: str) -> None:
        """Commands up to `closing`, which is nothing, `)` or a backquote."""
        word_start = True
        while self.pos < len(self.text):
            character = self.text[self.pos]
            if closing and character == closing:
                self.pos += 1
                return
            if self.at("{{"):
                self.spot(closing != "`")
                word_start = False
                continue
            if character == "\\":
                self.pos += 1
                if self.at("{{"):
                    self.spot(False)
                else:
                    self.pos += 1
                word_start = False
                continue
            if character == "#" and word_start:
                stop = self.text.find("\n", self.pos)
                self.plain_until(len(self.text) if stop < 0 else stop)
                continue
            if character == "\n":
                self.pos += 1
                word_start = True
                continue
            if character == "'":
                stop = self.text.find("'", self.pos + 1)
                self.plain_until(len(self.text) if stop < 0 else stop + 1)
                word_start = False
                continue
            if character == '"':
                self.pos += 1
                self.double()
                word_start = False
                continue
            if character == "`":
                if closing == "`":
                    self.pos += 1
                    return
                self.pos += 1
                self.backquotes()
                word_start = False
                continue
            if character == "$":
                self.dollar()
                word_start = False
                continue
            if self.at("<<") and not self.at("<<<"):
                # Where a here-document ends is not followed: behind its start no place may stand at all.
                self.pos = len(self.text)
                return
            if self.at("<<<"):
                self.pos += 3
                word_start = True
                continue
            if self.at("((") and word_start:
                self.arithmetic()
                continue
            if character == "(":
                self.pos += 1
                self.commands(")")
                word_start = False
                continue
            word_start = character in " \t;&|()<>"
            self.pos += 1

    def plain_until(self, stop: int) -> None:
        """Text in which no place may stand."""
        self.pos = stop

    def double(self) -> None:
        while self.pos < len(self.text):
            character = self.text[self.pos]
            if self.at("{{"):
                self.spot(False)
            elif character == '"':
                self.pos += 1
                return
            elif character == "\\":
                self.pos += 2
            elif character == "`":
                self.pos += 1
                self.backquotes()
            elif character == "$":
                self.dollar()
            else:
                self.pos += 1

    def backquotes(self) -> None:
        while self.pos < len(self.text) and self.text[self.pos] != "`":
            if self.at("{{"):
                self.spot(False)
            else:
                self.pos += 2 if self.text[self.pos] == "\\" else 1
        self.pos += 1

    def dollar(self) -> None:
        if self.at("${{"):
            self.pos += 1
            self.spot(False)
        elif self.at("$(("):
            self.pos += 1
            self.arithmetic()
        elif self.at("$("):
            self.pos += 2
            self.commands(")")
        elif self.at("${"):
            self.pos += 2
            self.expansion()
        elif self.at("$'"):
            self.pos += 2
            while self.pos < len(self.text) and self.text[self.pos] != "'":
                self.pos += 2 if self.text[self.pos] == "\\" else 1
            self.pos += 1
        else:
            self.pos += 1

    def expansion(self) -> None:
        """`${…}`, in which no place may stand."""
        while self.pos < len(self.text):
            character = self.text[self.pos]
            if self.at("{{"):
                self.spot(False)
            elif character == "}":
                self.pos += 1
                return
            elif character == "\\":
                self.pos += 2
            elif character == "$":
                self.dollar()
            else:
                self.pos += 1

    def arithmetic(self) -> None:
        """`((…))`, in which no place may stand."""
        depth = 0
        while self.pos < len(self.text):
            if self.at("{{"):
                self.spot(False)
                continue
            character = self.text[self.pos]
            self.pos += 1
            if character == "(":
                depth += 1
            elif character == ")":
                depth -= 1
                if depth == 0:
                    return

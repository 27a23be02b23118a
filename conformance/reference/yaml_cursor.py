"""What reads YAML stands on: a place in a text, and the values that were read with their places."""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass, field

from findings import Finding, Refused, refuse

MAX_DEPTH = 100
"""No value lies in more lists and mappings than these (SAME-PRG-002)."""

FLOW = ",[]{}"
SPACE = " \t"

Place = tuple[int, int]


@dataclass
class Node:
    """A value and where it stands (line and column from 1, columns in UTF-16 code units).

    `value` is a scalar, a list of nodes, or a mapping from key to (place of the key, node). A node that is `broken`
    breaks one of SAME-PRG-002 to SAME-PRG-005 and is not to be looked at further.
    """

    value: object
    place: Place
    broken: bool = False


@dataclass
class Document:
    """What was read: the root, and the findings of SAME-PRG-003 to SAME-PRG-005."""

    root: Node
    findings: list[Finding] = field(default_factory=list)


def place_text(place: Place) -> str:
    """`line:column`."""
    return f"{place[0]}:{place[1]}"


class Places:
    """The places of characters in a text, by their offsets."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0] + [match.end() for match in re.finditer("\n", text)]

    def line_start(self, offset: int) -> int:
        return self._starts[bisect.bisect_right(self._starts, offset) - 1]

    def of(self, offset: int) -> Place:
        line = bisect.bisect_right(self._starts, offset)
        before = self._text[self._starts[line - 1] : offset]
        return line, 1 + len(before) + sum(character > "\uffff" for character in before)


class Cursor:
    """A place in a text that is read from its beginning to its end; `pos` is the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.end = len(text)
        self.pos = 0
        self.places = Places(text)
        self.findings: list[Finding] = []

    # Small things

    def broken(self, message: str, at: int | None = None) -> Refused:
        place = place_text(self.places.of(self.pos if at is None else at))
        return refuse("SAME1001", "SAME-PRG-002", message, place)

    def find(self, code: str, clause: str, message: str, at: int) -> None:
        finding = Finding(code, clause, message, place_text(self.places.of(at)))
        if finding not in self.findings:
            self.findings.append(finding)

    def peek(self, ahead: int = 0) -> str:
        at = self.pos + ahead
        return self.text[at] if at < self.end else ""

    def column(self) -> int:
        return self.pos - self.places.line_start(self.pos)

    def leading(self) -> str:
        """What stands before the next character on its line."""
        return self.text[self.places.line_start(self.pos) : self.pos]

    def blank_at(self, at: int) -> bool:
        return at >= self.end or self.text[at] in " \t\n"

    def marker(self) -> bool:
        """Whether `---` or `...` stands here, alone at the beginning of a line."""
        if self.pos >= self.end or self.column() != 0:
            return False
        return self.text[self.pos : self.pos + 3] in ("---", "...") and self.blank_at(self.pos + 3)

    def done(self) -> bool:
        return self.pos >= self.end or self.marker()

    def indicator(self, character: str) -> bool:
        """Whether an indicator of a block collection stands here."""
        return self.peek() == character and self.blank_at(self.pos + 1)

    def spaces(self) -> None:
        while self.peek() and self.peek() in SPACE:
            self.pos += 1

    def skip(self) -> bool:
        """Pass over blanks, comments and line ends; answers whether a line ended."""
        crossed = False
        while self.pos < self.end:
            character = self.text[self.pos]
            if character in SPACE:
                self.pos += 1
            elif character == "\n":
                self.pos += 1
                crossed = True
                if self.marker():
                    break
            elif character == "#" and (self.pos == 0 or self.text[self.pos - 1] in " \t\n"):
                stop = self.text.find("\n", self.pos)
                self.pos = self.end if stop < 0 else stop
            else:
                break
        return crossed

    def flow_colon(self, json_like: bool) -> bool:
        if self.peek() != ":":
            return False
        return json_like or self.blank_at(self.pos + 1) or self.peek(1) in FLOW

    def node(self, value: object, at: int, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise self.broken("nested more than 100 levels deep", at)
        return Node(value, self.places.of(at))

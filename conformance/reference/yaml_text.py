"""Reading `same.yaml`: YAML 1.2 under the core schema, less what JSON cannot say (SAME-PRG-001 to SAME-PRG-005).

The reader keeps the place of every key and value. Broken syntax stops it (Broken); everything else that these
clauses refuse is collected, and the value that it concerns is marked as not to be looked at further.
"""

from __future__ import annotations

import bisect
import math
import re
from dataclasses import dataclass, field

import canonical_json
from findings import Finding, Refused, refuse

MAX_BYTES = 2**20
MAX_DEPTH = 100
"""No value lies in more lists and mappings than these (SAME-PRG-002)."""

_NOT_ALLOWED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)")
_FLOW = ",[]{}"
_SPACE = " \t"
_INDICATORS = "-?:,[]{}#&*!|>'\"%@`"
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_ESCAPES = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "\t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "e": "\x1b",
    " ": " ", '"': '"', "/": "/", "\\": "\\", "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029",
}  # fmt: skip
_HEX_ESCAPES = {"x": 2, "u": 4, "U": 8}

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


def read(data: bytes) -> Document:
    """Read a manifest's bytes. Raises Refused for SAME-PRG-001 and SAME-PRG-002."""
    if len(data) > MAX_BYTES:
        raise refuse("SAME1011", "SAME-PRG-001", f"the manifest is longer than {MAX_BYTES} bytes", "1:1")
    if data.startswith(b"\xef\xbb\xbf"):
        raise refuse("SAME1011", "SAME-PRG-001", "the manifest begins with a byte order mark", "1:1")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        place = place_text(_Places(before).of(len(before)))
        raise refuse("SAME1011", "SAME-PRG-001", "the manifest is not UTF-8", place) from None
    places = _Places(text)
    wrong = _NOT_ALLOWED.search(text)
    if wrong:
        place = place_text(places.of(wrong.start()))
        raise refuse("SAME1001", "SAME-PRG-002", f"U+{ord(wrong.group()[0]):04X} may not stand here", place)
    text = text.replace("\r\n", "\n")
    # A last line without an end is read as if it had one (SAME-PRG-002).
    return _Reader(text if text.endswith("\n") else text + "\n").document()


def plain(node: Node) -> object:
    """The JSON value of a node."""
    if isinstance(node.value, list):
        return [plain(item) for item in node.value]
    if isinstance(node.value, dict):
        return {key: plain(item) for key, (_, item) in node.value.items()}
    return node.value


class _Places:
    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0] + [match.end() for match in re.finditer("\n", text)]

    def line_start(self, offset: int) -> int:
        return self._starts[bisect.bisect_right(self._starts, offset) - 1]

    def of(self, offset: int) -> Place:
        line = bisect.bisect_right(self._starts, offset)
        before = self._text[self._starts[line - 1] : offset]
        return line, 1 + len(before) + sum(character > "\uffff" for character in before)


class _Reader:
    """A recursive descent over the text; `pos` is the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.end = len(text)
        self.pos = 0
        self.places = _Places(text)
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
        while self.peek() and self.peek() in _SPACE:
            self.pos += 1

    def skip(self) -> bool:
        """Pass over blanks, comments and line ends; answers whether a line ended."""
        crossed = False
        while self.pos < self.end:
            character = self.text[self.pos]
            if character in _SPACE:
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

    # The document

    def document(self) -> Document:
        self.skip()
        while self.peek() == "%" and self.column() == 0:
            self.find("SAME1002", "SAME-PRG-003", "a directive may not stand in a manifest", self.pos)
            stop = self.text.find("\n", self.pos)
            self.pos = self.end if stop < 0 else stop
            self.skip()
        if self.pos >= self.end:
            if self.findings:
                raise self.broken("a directive has no document after it")
            raise self.broken("the text holds no document", 0)
        explicit = self.marker()
        if explicit:
            if self.peek() == ".":
                raise self.broken("the document ends before it begins")
            self.pos += 3
        root = self.block_node(-1, 0, fresh=not explicit)
        crossed = self.skip()
        if not self.done():
            raise self.broken("something follows the document's value")
        if self.marker() and self.peek() == ".":
            self.pos += 3
            crossed = self.skip()
            if not self.done() and not crossed:
                raise self.broken("something follows the document's end on its line")
            while self.marker() and self.peek() == ".":
                self.pos += 3
                self.skip()
        if self.pos < self.end:
            self.find("SAME1002", "SAME-PRG-003", "a second document may not stand in a manifest", self.pos)
        return Document(root, self.findings)

    # Block style

    def block_node(
        self, parent: int, depth: int, compact: bool = False, value: bool = False, fresh: bool = False
    ) -> Node:
        """A value in block context, below an indentation of `parent`.

        `compact`: a collection may begin on this line. `value`: this is the value of a mapping, so a list may be
        indented like its key. `fresh`: nothing stands before it on its line.
        """
        start = self.pos
        crossed = self.skip() or fresh
        if self.done():
            return self.node(None, start, depth)
        if crossed:
            leading = self.leading()
            spaces = len(leading) - len(leading.lstrip(" "))
            dash = value and self.column() == parent and self.indicator("-")
            if spaces <= parent and not dash:
                if "\t" in leading:
                    raise self.broken("a tab may not indent", self.places.line_start(self.pos))
                self.pos = start
                return self.node(None, start, depth)
        column = self.column()
        first = self.pos
        properties = self.properties()
        if properties:
            before = self.pos
            if self.skip() or self.done():
                self.pos = before
                node = self.block_node(parent, depth, value=value)
                return Node(node.value, self.places.of(first), True)
        node = self.block_content(parent, depth, column, first, crossed or compact)
        node.broken = node.broken or properties
        return node

    def block_content(self, parent: int, depth: int, column: int, first: int, collections: bool) -> Node:
        if depth > MAX_DEPTH:
            raise self.broken("nested more than 100 levels deep")
        character = self.peek()
        if character in ("|", ">"):
            return self.block_scalar(parent)
        block = self.indicator("-") or self.indicator("?") or self.indicator(":")
        if block or self.is_key():
            tabs = "\t" in self.text[self.places.line_start(first) : first].lstrip("-?:")
            if not collections or tabs:
                at = self.places.line_start(first) if tabs else None
                raise self.broken("a block collection may not begin here", at)
            if self.indicator("-"):
                return self.block_list(column, depth)
            return self.block_mapping(column, depth, first)
        return self.flow_node(parent, depth, in_flow=False)

    def next_entry(self, indent: int) -> bool:
        """Go to the next line of content; whether it is indented like the entries of the collection at hand."""
        crossed = self.skip()
        if self.done():
            return False
        if not crossed and self.leading().strip(" "):
            raise self.broken("something follows a value on its line")
        if self.column() < indent:
            return False
        if "\t" in self.leading():
            raise self.broken("a tab may not indent", self.places.line_start(self.pos))
        if self.column() > indent:
            raise self.broken("is indented like nothing above it")
        return True

    def block_list(self, indent: int, depth: int) -> Node:
        place = self.places.of(self.pos)
        items = []
        while True:
            self.pos += 1
            items.append(self.block_node(indent, depth + 1, compact=True))
            if not self.next_entry(indent) or not self.indicator("-"):
                return Node(items, place)

    def block_mapping(self, indent: int, depth: int, first: int) -> Node:
        node = Node({}, self.places.of(first))
        while True:
            at = self.pos
            if self.indicator("?"):
                self.pos += 1
                self.skip()
                key_at = self.pos
                self.pos = at + 1
                key = self.block_node(indent, depth + 1, compact=True)
                if self.next_entry(indent) and self.indicator(":"):
                    self.pos += 1
                    item = self.block_node(indent, depth + 1, compact=True, value=True)
                else:
                    item = self.node(None, self.pos, depth + 1)
                self.add(node, key, item, key_at)
                if self.done() or self.column() < indent:
                    return node
                if self.next_entry(indent):
                    continue
                return node
            if self.indicator(":"):
                key = Node(None, self.places.of(at))
            else:
                if self.indicator("-"):
                    raise self.broken("a list item may not stand between keys")
                broken = self.properties()
                self.spaces()
                at = self.pos
                key = self.key_node(depth)
                key.broken = key.broken or broken
                self.spaces()
                if not self.indicator(":"):
                    raise self.broken("a key has no colon")
            self.pos += 1
            item = self.block_node(indent, depth + 1, value=True)
            self.add(node, key, item, at)
            if not self.next_entry(indent):
                return node

    def is_key(self) -> bool:
        """Whether a key of a block mapping begins here: on one line, with a colon and a blank after it."""
        start, known = self.pos, len(self.findings)
        try:
            self.properties()
            self.spaces()
            self.key_node(0)
            same_line = "\n" not in self.text[start : self.pos]
            self.spaces()
            return same_line and self.indicator(":")
        except Refused:
            return False
        finally:
            self.pos = start
            del self.findings[known:]

    def key_node(self, depth: int) -> Node:
        """A key on one line."""
        at = self.pos
        if self.peek() and self.peek() in "[{":
            return self.flow_collection(-1, depth)
        if self.peek() == "*":
            return self.alias()
        if self.peek() and self.peek() in "'\"":
            return self.quoted(-1)
        return self.resolve(self.plain_line(False), at)

    # Block scalars

    def block_scalar(self, parent: int) -> Node:
        at = self.pos
        folded = self.peek() == ">"
        self.pos += 1
        chomp = ""
        explicit = 0
        while self.peek() and self.peek() in "+-0123456789":
            character = self.peek()
            if character in "+-":
                if chomp:
                    raise self.broken("the header of a block says twice how it ends")
                chomp = character
            else:
                if explicit or character == "0":
                    raise self.broken("the header of a block has a wrong indentation")
                explicit = int(character)
            self.pos += 1
        header_end = self.pos
        self.spaces()
        if self.peek() == "#":
            if self.pos == header_end:
                raise self.broken("a comment touches the header of a block")
            stop = self.text.find("\n", self.pos)
            self.pos = self.end if stop < 0 else stop
        if self.peek() not in ("", "\n"):
            raise self.broken("something follows the header of a block")
        if self.peek() == "\n":
            self.pos += 1
        lines = self.block_lines(parent, explicit)
        text = _join_block(lines, folded, chomp)
        return self.scalar(text, at)

    def block_lines(self, parent: int, explicit: int) -> list[str]:
        """The lines of a block without their indentation; the last is followed by "" if it has a line end."""
        indent = max(parent, 0) + explicit if explicit else None
        lines: list[str] = []
        longest = 0
        while self.pos < self.end:
            if self.marker():
                break
            stop = self.text.find("\n", self.pos)
            line_end = self.end if stop < 0 else stop
            line = self.text[self.pos : line_end]
            blanks = len(line) - len(line.lstrip(" "))
            if blanks == len(line) and (indent is None or blanks <= indent):
                longest = max(longest, blanks)
                content = ""
            else:
                if indent is None:
                    if blanks <= parent:
                        break
                    if longest > blanks:
                        raise self.broken("an empty line before a block is indented further than it")
                    indent = blanks
                if blanks < indent:
                    break
                content = line[indent:]
            if stop < 0:
                if content or blanks < len(line):
                    lines.append(content)
                    self.pos = self.end
                    return lines
                self.pos = self.end
                break
            lines.append(content)
            self.pos = line_end + 1
        lines.append("")
        return lines

    # Flow style and scalars

    def properties(self) -> bool:
        """Pass over anchors and tags, each of which is refused; answers whether there were any."""
        found = False
        while self.peek() and self.peek() in "&!":
            what = "an anchor" if self.peek() == "&" else "a tag"
            self.find("SAME1002", "SAME-PRG-003", f"{what} may not stand in a manifest", self.pos)
            found = True
            if self.text.startswith("!<", self.pos):
                while self.peek() and self.peek() not in ">\n":
                    self.pos += 1
                self.pos += self.peek() == ">"
            else:
                while self.peek() and self.peek() not in " \t\n" + _FLOW:
                    self.pos += 1
            self.spaces()
        return found

    def alias(self) -> Node:
        at = self.pos
        self.find("SAME1002", "SAME-PRG-003", "an alias may not stand in a manifest", at)
        while self.peek() and self.peek() not in " \t\n" + _FLOW:
            self.pos += 1
        return Node("", self.places.of(at), True)

    def node(self, value: object, at: int, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise self.broken("nested more than 100 levels deep", at)
        return Node(value, self.places.of(at))

    def flow_node(self, parent: int, depth: int, in_flow: bool) -> Node:
        first = self.pos
        properties = self.properties()
        if properties and in_flow:
            self.flow_skip(parent)
            if self.peek() and self.peek() in ",]}":
                return Node(None, self.places.of(first), True)
        if depth > MAX_DEPTH:
            raise self.broken("nested more than 100 levels deep")
        character = self.peek()
        if character == "":
            raise self.broken("a value is missing")
        if character in "[{":
            node = self.flow_collection(parent, depth)
        elif character == "*":
            node = self.alias()
        elif character in "'\"":
            node = self.quoted(parent)
        else:
            node = self.plain_scalar(parent, in_flow)
        node.broken = node.broken or properties
        return node

    def flow_skip(self, parent: int) -> None:
        """Pass over blanks, comments and lines inside a flow collection, which must be indented beyond its parent."""
        crossed = self.skip()
        if self.pos >= self.end:
            raise self.broken("a flow collection is not closed")
        if self.marker():
            raise self.broken("a flow collection is not closed before the document ends")
        if crossed:
            leading = self.leading()
            if len(leading) - len(leading.lstrip(" ")) <= parent:
                raise self.broken("a flow collection goes on without indentation")

    def flow_collection(self, parent: int, depth: int) -> Node:
        at = self.pos
        if self.text.startswith("{{", at):
            raise self.broken("{{ begins a mapping in YAML: put the text in quotes")
        if depth > MAX_DEPTH:
            raise self.broken("nested more than 100 levels deep")
        if self.peek() == "[":
            return self.flow_list(parent, depth, at)
        return self.flow_mapping(parent, depth, at)

    def flow_list(self, parent: int, depth: int, at: int) -> Node:
        items: list[Node] = []
        self.pos += 1
        self.flow_skip(parent)
        while self.peek() != "]":
            items.append(self.flow_item(parent, depth + 1))
            self.flow_skip(parent)
            if self.peek() == ",":
                self.pos += 1
                self.flow_skip(parent)
            elif self.peek() != "]":
                raise self.broken("a comma or ] is missing")
        self.pos += 1
        return Node(items, self.places.of(at))

    def flow_item(self, parent: int, depth: int) -> Node:
        """An item of a flow list, which may be a single pair."""
        at = self.pos
        explicit = self.indicator("?")
        if explicit:
            self.pos += 1
            self.flow_skip(parent)
            at = self.pos
        if self.flow_colon(False):
            key = Node(None, self.places.of(at))
        else:
            key = self.flow_node(parent, depth, in_flow=True)
        json_like = self.text[self.pos - 1] in "\"'}]" and self.text[at] in "\"'{["
        key_end = self.pos
        self.flow_skip(parent)
        if not self.flow_colon(json_like) or (not explicit and "\n" in self.text[at:key_end]):
            if not explicit:
                self.pos = key_end
                return key
            item = Node(None, key.place)
        else:
            self.pos += 1
            item = self.flow_value(parent, depth + 1)
        node = Node({}, self.places.of(at))
        self.add(node, key, item, at)
        return node

    def flow_colon(self, json_like: bool) -> bool:
        if self.peek() != ":":
            return False
        return json_like or self.blank_at(self.pos + 1) or self.peek(1) in _FLOW

    def flow_value(self, parent: int, depth: int) -> Node:
        self.flow_skip(parent)
        if self.peek() and self.peek() in ",]}":
            return self.node(None, self.pos, depth)
        return self.flow_node(parent, depth, in_flow=True)

    def flow_mapping(self, parent: int, depth: int, at: int) -> Node:
        node = Node({}, self.places.of(at))
        self.pos += 1
        self.flow_skip(parent)
        while self.peek() != "}":
            if self.indicator("?"):
                self.pos += 1
                self.flow_skip(parent)
            key_at = self.pos
            if self.flow_colon(False) or self.peek() in (",", "}"):
                if self.peek() == ",":
                    raise self.broken("a key is missing")
                key = Node(None, self.places.of(key_at))
            else:
                key = self.flow_node(parent, depth + 1, in_flow=True)
            json_like = self.text[self.pos - 1] in "\"'}]" and self.text[key_at] in "\"'{["
            self.flow_skip(parent)
            if self.flow_colon(json_like):
                self.pos += 1
                item = self.flow_value(parent, depth + 1)
            else:
                item = self.node(None, key_at, depth + 1)
            self.add(node, key, item, key_at)
            self.flow_skip(parent)
            if self.peek() == ",":
                self.pos += 1
                self.flow_skip(parent)
            elif self.peek() != "}":
                raise self.broken("a comma or } is missing")
        self.pos += 1
        return node

    def add(self, mapping: Node, key: Node, item: Node, at: int) -> None:
        """Put an entry into a mapping, by SAME-PRG-003 to SAME-PRG-005."""
        entries = mapping.value
        assert isinstance(entries, dict)
        if key.broken:
            return
        if not isinstance(key.value, str):
            self.find("SAME1002", "SAME-PRG-003", "a key is no text", at)
            return
        if key.value == "<<" and self.text.startswith("<<", at):
            self.find("SAME1002", "SAME-PRG-003", "a merge key may not stand in a manifest", at)
            return
        if key.value == "__proto__":
            self.find("SAME1015", "SAME-PRG-005", "a key is called __proto__", at)
            return
        if key.value in entries:
            self.find("SAME1003", "SAME-PRG-004", f"the key {key.value!r} is there twice", at)
            return
        entries[key.value] = (self.places.of(at), item)

    # Scalars

    def scalar(self, text: str, at: int) -> Node:
        """Text in quotes or in a block."""
        if canonical_json.has_surrogate(text):
            self.find("SAME1015", "SAME-PRG-005", "text holds half a surrogate pair", at)
            return Node(text, self.places.of(at), True)
        return Node(text, self.places.of(at))

    def resolve(self, text: str, at: int) -> Node:
        """What a plain scalar is, by its text alone (SAME-PRG-002)."""
        place = self.places.of(at)
        if text in ("", "~", "null", "Null", "NULL"):
            return Node(None, place)
        if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
            return Node(text[0] in "tT", place)
        if _INTEGER.fullmatch(text):
            return self.integer(text, at)
        if _FLOAT.fullmatch(text):
            number = float(text)
            if not math.isfinite(number):
                self.find("SAME1015", "SAME-PRG-005", "a number is not finite as a double", at)
                return Node(0, place, True)
            if canonical_json.is_inexact_integer(number):
                self.find("SAME1015", "SAME-PRG-005", "an integer cannot be held exactly", at)
                return Node(0, place, True)
            return Node(number, place)
        if _NOT_FINITE.fullmatch(text):
            self.find("SAME1015", "SAME-PRG-005", "a number is not finite", at)
            return Node(0, place, True)
        return Node(text, place)

    def integer(self, text: str, at: int) -> Node:
        digits, base = text, 10
        if text.startswith("0o"):
            digits, base = text[2:], 8
        elif text.startswith("0x"):
            digits, base = text[2:], 16
        significant = digits.lstrip("+-0")
        if len(significant) > 20 or abs(int(significant or "0", base)) > canonical_json.SAFE_INTEGER:
            self.find("SAME1015", "SAME-PRG-005", "an integer cannot be held exactly", at)
            return Node(0, self.places.of(at), True)
        number = int(significant or "0", base)
        return Node(-number if text.startswith("-") else number, self.places.of(at))

    def plain_scalar(self, parent: int, in_flow: bool) -> Node:
        at = self.pos
        text = self.plain_line(in_flow)
        several = False
        while self.peek() == "\n":
            here = self.pos
            breaks = 0
            while self.peek() == "\n":
                breaks += 1
                self.pos += 1
                line = self.pos
                self.spaces()
            blanks = len(self.text[line : self.pos]) - len(self.text[line : self.pos].lstrip(" "))
            stops = self.pos >= self.end or blanks <= parent or self.peek() == "#"
            if stops or (self.pos == line and self.marker()) or (in_flow and self.peek() in _FLOW):
                self.pos = here
                break
            if self.flow_colon(False) if in_flow else self.indicator(":"):
                self.pos = here
                break
            several = True
            text += " " if breaks == 1 else "\n" * (breaks - 1)
            text += self.plain_line(in_flow, first=False)
        if several:
            return Node(text, self.places.of(at))
        return self.resolve(text, at)

    def plain_line(self, in_flow: bool, first: bool = True) -> str:
        """Plain text up to where it ends on its line; `pos` is then behind the blanks that follow it."""
        start = self.pos
        character = self.peek()
        if first:
            if character == "" or (character in _INDICATORS and not self.plain_start(in_flow)):
                raise self.broken(f"no value begins with {character or 'the end of the text'}")
        while self.pos < self.end:
            character = self.text[self.pos]
            if character == "\n" or (in_flow and character in _FLOW):
                break
            if character == ":" and (self.blank_at(self.pos + 1) or (in_flow and self.peek(1) in _FLOW)):
                break
            if character == "#" and self.pos > start and self.text[self.pos - 1] in _SPACE:
                break
            self.pos += 1
        text = self.text[start : self.pos].rstrip(_SPACE)
        if self.peek() == "#":
            # Leaves the blank before the comment, so that it is seen as one.
            self.pos = start + len(text)
        return text

    def plain_start(self, in_flow: bool) -> bool:
        if self.peek() not in ("-", "?", ":"):
            return False
        return not self.blank_at(self.pos + 1) and not (in_flow and self.peek(1) in _FLOW)

    def quoted(self, parent: int) -> Node:
        at = self.pos
        quote = self.peek()
        self.pos += 1
        parts: list[str] = []
        kept = 0
        while True:
            character = self.peek()
            if character == "":
                raise self.broken("a quote is not closed", at)
            if character == quote:
                if quote == "'" and self.peek(1) == "'":
                    parts.append("'")
                    self.pos += 2
                    continue
                self.pos += 1
                return self.scalar("".join(parts), at)
            if character == "\n":
                while len(parts) > kept and parts[-1] in _SPACE:
                    parts.pop()
                breaks = self.quoted_break(parent, at)
                parts.append(" " if breaks == 1 else "\n" * (breaks - 1))
                kept = len(parts)
            elif character == "\\" and quote == '"':
                self.pos += 1
                if self.peek() == "\n":
                    breaks = self.quoted_break(parent, at)
                    parts.append("\n" * (breaks - 1))
                else:
                    parts.append(self.escape())
                kept = len(parts)
            else:
                parts.append(character)
                self.pos += 1

    def quoted_break(self, parent: int, at: int) -> int:
        """Pass over a line end inside quotes and what is blank after it; answers how many lines ended."""
        breaks = 0
        while self.peek() == "\n":
            breaks += 1
            self.pos += 1
            if self.marker():
                raise self.broken("a quote is not closed before the document ends", at)
            line = self.pos
            self.spaces()
        leading = self.text[line : self.pos]
        if self.peek() and len(leading) - len(leading.lstrip(" ")) <= parent:
            raise self.broken("quoted text goes on without indentation")
        return breaks

    def escape(self) -> str:
        character = self.peek()
        if character in _ESCAPES and character:
            self.pos += 1
            return _ESCAPES[character]
        count = _HEX_ESCAPES.get(character)
        if count is None:
            raise self.broken(f"\\{character} is no escape", self.pos - 1)
        code = self.hexadecimal(count)
        if character == "u" and 0xD800 <= code < 0xDC00 and self.text.startswith("\\u", self.pos):
            before = self.pos
            self.pos += 1
            low = self.hexadecimal(4)
            if 0xDC00 <= low < 0xE000:
                return chr(0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00))
            self.pos = before
        if code > 0x10FFFF:
            raise self.broken("an escape is beyond the last code point")
        return chr(code)

    def hexadecimal(self, count: int) -> int:
        digits = self.text[self.pos + 1 : self.pos + 1 + count]
        if not re.fullmatch(f"[0-9a-fA-F]{{{count}}}", digits):
            raise self.broken("an escape has too few digits", self.pos - 1)
        self.pos += 1 + count
        return int(digits, 16)


def _join_block(lines: list[str], folded: bool, chomp: str) -> str:
    """The text of a block from its lines, the last of which is "" where the one before it has an end."""
    ended = bool(lines) and lines[-1] == ""
    body = lines[:-1] if ended else lines
    trailing = 0
    while body and body[-1] == "":
        body.pop()
        trailing += 1
    if not body:
        return "\n" * trailing if chomp == "+" else ""
    text = _fold(body) if folded else "\n".join(body)
    if chomp == "-":
        return text
    if chomp == "+":
        return text + "\n" * (trailing + ended)
    return text + "\n" if ended or trailing else text


def _fold(lines: list[str]) -> str:
    """Join lines by a space, empty lines being line feeds; lines that begin with a blank keep their own."""
    text = ""
    pending = 0
    previous_kept = False
    started = False
    for line in lines:
        if line == "":
            pending += 1
            continue
        kept = line[0] in _SPACE
        if not started:
            text += "\n" * pending
        elif kept or previous_kept:
            text += "\n" * (pending + 1)
        elif pending:
            text += "\n" * pending
        else:
            text += " "
        text += line
        started = True
        pending = 0
        previous_kept = kept
    return text

"""Reading `same.yaml`: YAML 1.2 under the core schema, less what JSON cannot say (SAME-PRG-001 to SAME-PRG-005).

The reader keeps the place of every key and value. Broken syntax stops it (Refused); everything else that these
clauses refuse is collected, and the value that it concerns is marked as not to be looked at further.
"""

from __future__ import annotations

import re

import yaml_blocks
import yaml_flow
import yaml_scalars
from findings import Refused, refuse
from yaml_cursor import MAX_DEPTH, Cursor, Document, Node, Places, place_text

MAX_BYTES = 2**20

_NOT_ALLOWED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)")


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
        place = place_text(Places(before).of(len(before)))
        raise refuse("SAME1011", "SAME-PRG-001", "the manifest is not UTF-8", place) from None
    places = Places(text)
    wrong = _NOT_ALLOWED.search(text)
    if wrong:
        place = place_text(places.of(wrong.start()))
        raise refuse("SAME1001", "SAME-PRG-002", f"U+{ord(wrong.group()[0]):04X} may not stand here", place)
    text = text.replace("\r\n", "\n")
    # A last line without an end is read as if it had one (SAME-PRG-002).
    return _document(Cursor(text if text.endswith("\n") else text + "\n"))


def plain(node: Node) -> object:
    """The JSON value of a node."""
    if isinstance(node.value, list):
        return [plain(item) for item in node.value]
    if isinstance(node.value, dict):
        return {key: plain(item) for key, (_, item) in node.value.items()}
    return node.value


def _document(cursor: Cursor) -> Document:
    cursor.skip()
    while cursor.peek() == "%" and cursor.column() == 0:
        cursor.find("SAME1002", "SAME-PRG-003", "a directive may not stand in a manifest", cursor.pos)
        stop = cursor.text.find("\n", cursor.pos)
        cursor.pos = cursor.end if stop < 0 else stop
        cursor.skip()
    if cursor.pos >= cursor.end:
        if cursor.findings:
            raise cursor.broken("a directive has no document after it")
        raise cursor.broken("the text holds no document", 0)
    explicit = cursor.marker()
    if explicit:
        if cursor.peek() == ".":
            raise cursor.broken("the document ends before it begins")
        cursor.pos += 3
    root = _block_node(cursor, -1, 0, fresh=not explicit)
    crossed = cursor.skip()
    if not cursor.done():
        raise cursor.broken("something follows the document's value")
    if cursor.marker() and cursor.peek() == ".":
        cursor.pos += 3
        crossed = cursor.skip()
        if not cursor.done() and not crossed:
            raise cursor.broken("something follows the document's end on its line")
        while cursor.marker() and cursor.peek() == ".":
            cursor.pos += 3
            cursor.skip()
    if cursor.pos < cursor.end:
        cursor.find("SAME1002", "SAME-PRG-003", "a second document may not stand in a manifest", cursor.pos)
    return Document(root, cursor.findings)


def _block_node(
    cursor: Cursor, parent: int, depth: int, compact: bool = False, value: bool = False, fresh: bool = False
) -> Node:
    """A value in block context, below an indentation of `parent`.

    `compact`: a collection may begin on this line. `value`: this is the value of a mapping, so a list may be
    indented like its key. `fresh`: nothing stands before it on its line.
    """
    start = cursor.pos
    crossed = cursor.skip() or fresh
    if cursor.done():
        return cursor.node(None, start, depth)
    if crossed:
        leading = cursor.leading()
        spaces = len(leading) - len(leading.lstrip(" "))
        dash = value and cursor.column() == parent and cursor.indicator("-")
        if spaces <= parent and not dash:
            if "\t" in leading:
                raise cursor.broken("a tab may not indent", cursor.places.line_start(cursor.pos))
            cursor.pos = start
            return cursor.node(None, start, depth)
    column = cursor.column()
    first = cursor.pos
    properties = yaml_flow.properties(cursor)
    if properties:
        before = cursor.pos
        if cursor.skip() or cursor.done():
            cursor.pos = before
            node = _block_node(cursor, parent, depth, value=value)
            return Node(node.value, cursor.places.of(first), True)
    node = _block_content(cursor, parent, depth, column, first, crossed or compact)
    node.broken = node.broken or properties
    return node


def _block_content(cursor: Cursor, parent: int, depth: int, column: int, first: int, collections: bool) -> Node:
    if depth > MAX_DEPTH:
        raise cursor.broken("nested more than 100 levels deep")
    character = cursor.peek()
    if character in ("|", ">"):
        return yaml_blocks.block_scalar(cursor, parent)
    block = cursor.indicator("-") or cursor.indicator("?") or cursor.indicator(":")
    if block or _is_key(cursor):
        tabs = "\t" in cursor.text[cursor.places.line_start(first) : first].lstrip("-?:")
        if not collections or tabs:
            at = cursor.places.line_start(first) if tabs else None
            raise cursor.broken("a block collection may not begin here", at)
        if cursor.indicator("-"):
            return _block_list(cursor, column, depth)
        return _block_mapping(cursor, column, depth, first)
    return yaml_flow.flow_node(cursor, parent, depth, in_flow=False)


def _next_entry(cursor: Cursor, indent: int) -> bool:
    """Go to the next line of content; whether it is indented like the entries of the collection at hand."""
    crossed = cursor.skip()
    if cursor.done():
        return False
    if not crossed and cursor.leading().strip(" "):
        raise cursor.broken("something follows a value on its line")
    if cursor.column() < indent:
        return False
    if "\t" in cursor.leading():
        raise cursor.broken("a tab may not indent", cursor.places.line_start(cursor.pos))
    if cursor.column() > indent:
        raise cursor.broken("is indented like nothing above it")
    return True


def _block_list(cursor: Cursor, indent: int, depth: int) -> Node:
    place = cursor.places.of(cursor.pos)
    items = []
    while True:
        cursor.pos += 1
        items.append(_block_node(cursor, indent, depth + 1, compact=True))
        if not _next_entry(cursor, indent) or not cursor.indicator("-"):
            return Node(items, place)


def _block_mapping(cursor: Cursor, indent: int, depth: int, first: int) -> Node:
    node = Node({}, cursor.places.of(first))
    while True:
        at = cursor.pos
        if cursor.indicator("?"):
            cursor.pos += 1
            cursor.skip()
            key_at = cursor.pos
            cursor.pos = at + 1
            key = _block_node(cursor, indent, depth + 1, compact=True)
            if _next_entry(cursor, indent) and cursor.indicator(":"):
                cursor.pos += 1
                item = _block_node(cursor, indent, depth + 1, compact=True, value=True)
            else:
                item = cursor.node(None, cursor.pos, depth + 1)
            yaml_flow.add(cursor, node, key, item, key_at)
            if cursor.done() or cursor.column() < indent:
                return node
            if _next_entry(cursor, indent):
                continue
            return node
        if cursor.indicator(":"):
            key = Node(None, cursor.places.of(at))
        else:
            if cursor.indicator("-"):
                raise cursor.broken("a list item may not stand between keys")
            broken = yaml_flow.properties(cursor)
            cursor.spaces()
            at = cursor.pos
            key = _key_node(cursor, depth)
            key.broken = key.broken or broken
            cursor.spaces()
            if not cursor.indicator(":"):
                raise cursor.broken("a key has no colon")
        cursor.pos += 1
        item = _block_node(cursor, indent, depth + 1, value=True)
        yaml_flow.add(cursor, node, key, item, at)
        if not _next_entry(cursor, indent):
            return node


def _is_key(cursor: Cursor) -> bool:
    """Whether a key of a block mapping begins here: on one line, with a colon and a blank after it."""
    start, known = cursor.pos, len(cursor.findings)
    try:
        yaml_flow.properties(cursor)
        cursor.spaces()
        _key_node(cursor, 0)
        same_line = "\n" not in cursor.text[start : cursor.pos]
        cursor.spaces()
        return same_line and cursor.indicator(":")
    except Refused:
        return False
    finally:
        cursor.pos = start
        del cursor.findings[known:]


def _key_node(cursor: Cursor, depth: int) -> Node:
    """A key on one line."""
    at = cursor.pos
    if cursor.peek() and cursor.peek() in "[{":
        return yaml_flow.flow_collection(cursor, -1, depth)
    if cursor.peek() == "*":
        return yaml_flow.alias(cursor)
    if cursor.peek() and cursor.peek() in "'\"":
        return yaml_scalars.quoted(cursor, -1)
    return yaml_scalars.resolve(cursor, yaml_scalars.plain_line(cursor, False), at)

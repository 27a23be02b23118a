"""YAML in flow style, and what is refused in either style: anchors, aliases, tags, and keys (SAME-PRG-003 to 005)."""

from __future__ import annotations

import yaml_scalars
from yaml_cursor import FLOW, MAX_DEPTH, Cursor, Node


def properties(cursor: Cursor) -> bool:
    """Pass over anchors and tags, each of which is refused; answers whether there were any."""
    found = False
    while cursor.peek() and cursor.peek() in "&!":
        what = "an anchor" if cursor.peek() == "&" else "a tag"
        cursor.find("SAME1002", "SAME-PRG-003", f"{what} may not stand in a manifest", cursor.pos)
        found = True
        if cursor.text.startswith("!<", cursor.pos):
            while cursor.peek() and cursor.peek() not in ">\n":
                cursor.pos += 1
            cursor.pos += cursor.peek() == ">"
        else:
            while cursor.peek() and cursor.peek() not in " \t\n" + FLOW:
                cursor.pos += 1
        cursor.spaces()
    return found


def alias(cursor: Cursor) -> Node:
    """Pass over an alias, which is refused."""
    at = cursor.pos
    cursor.find("SAME1002", "SAME-PRG-003", "an alias may not stand in a manifest", at)
    while cursor.peek() and cursor.peek() not in " \t\n" + FLOW:
        cursor.pos += 1
    return Node("", cursor.places.of(at), True)


def flow_node(cursor: Cursor, parent: int, depth: int, in_flow: bool) -> Node:
    """A value in flow style, or a scalar below an indentation of `parent`."""
    first = cursor.pos
    is_refused = properties(cursor)
    if is_refused and in_flow:
        _flow_skip(cursor, parent)
        if cursor.peek() and cursor.peek() in ",]}":
            return Node(None, cursor.places.of(first), True)
    if depth > MAX_DEPTH:
        raise cursor.broken("nested more than 100 levels deep")
    character = cursor.peek()
    if character == "":
        raise cursor.broken("a value is missing")
    if character in "[{":
        node = flow_collection(cursor, parent, depth)
    elif character == "*":
        node = alias(cursor)
    elif character in "'\"":
        node = yaml_scalars.quoted(cursor, parent)
    else:
        node = yaml_scalars.plain_scalar(cursor, parent, in_flow)
    node.broken = node.broken or is_refused
    return node


def _flow_skip(cursor: Cursor, parent: int) -> None:
    """Pass over blanks, comments and lines inside a flow collection, which must be indented beyond its parent."""
    crossed = cursor.skip()
    if cursor.pos >= cursor.end:
        raise cursor.broken("a flow collection is not closed")
    if cursor.marker():
        raise cursor.broken("a flow collection is not closed before the document ends")
    if crossed:
        leading = cursor.leading()
        if len(leading) - len(leading.lstrip(" ")) <= parent:
            raise cursor.broken("a flow collection goes on without indentation")


def _flow_next(cursor: Cursor, parent: int, end: str) -> None:
    """Go on to the next item of a flow collection, or to its end."""
    _flow_skip(cursor, parent)
    if cursor.peek() == ",":
        cursor.pos += 1
        _flow_skip(cursor, parent)
    elif cursor.peek() != end:
        raise cursor.broken(f"a comma or {end} is missing")


def flow_collection(cursor: Cursor, parent: int, depth: int) -> Node:
    """A list or mapping in brackets."""
    at = cursor.pos
    if cursor.text.startswith("{{", at):
        raise cursor.broken("{{ begins a mapping in YAML: put the text in quotes")
    if depth > MAX_DEPTH:
        raise cursor.broken("nested more than 100 levels deep")
    if cursor.peek() == "[":
        return _flow_list(cursor, parent, depth, at)
    return _flow_mapping(cursor, parent, depth, at)


def _flow_list(cursor: Cursor, parent: int, depth: int, at: int) -> Node:
    items: list[Node] = []
    cursor.pos += 1
    _flow_skip(cursor, parent)
    while cursor.peek() != "]":
        items.append(_flow_item(cursor, parent, depth + 1))
        _flow_next(cursor, parent, "]")
    cursor.pos += 1
    return Node(items, cursor.places.of(at))


def _flow_item(cursor: Cursor, parent: int, depth: int) -> Node:
    """An item of a flow list, which may be a single pair."""
    at = cursor.pos
    explicit = cursor.indicator("?")
    if explicit:
        cursor.pos += 1
        _flow_skip(cursor, parent)
        at = cursor.pos
    if cursor.flow_colon(False):
        key = Node(None, cursor.places.of(at))
    else:
        key = flow_node(cursor, parent, depth, in_flow=True)
    json_like = cursor.text[cursor.pos - 1] in "\"'}]" and cursor.text[at] in "\"'{["
    key_end = cursor.pos
    _flow_skip(cursor, parent)
    if not cursor.flow_colon(json_like) or (not explicit and "\n" in cursor.text[at:key_end]):
        if not explicit:
            cursor.pos = key_end
            return key
        item = Node(None, key.place)
    else:
        cursor.pos += 1
        item = _flow_value(cursor, parent, depth + 1)
    node = Node({}, cursor.places.of(at))
    add(cursor, node, key, item, at)
    return node


def _flow_value(cursor: Cursor, parent: int, depth: int) -> Node:
    _flow_skip(cursor, parent)
    if cursor.peek() and cursor.peek() in ",]}":
        return cursor.node(None, cursor.pos, depth)
    return flow_node(cursor, parent, depth, in_flow=True)


def _flow_mapping(cursor: Cursor, parent: int, depth: int, at: int) -> Node:
    node = Node({}, cursor.places.of(at))
    cursor.pos += 1
    _flow_skip(cursor, parent)
    while cursor.peek() != "}":
        if cursor.indicator("?"):
            cursor.pos += 1
            _flow_skip(cursor, parent)
        key_at = cursor.pos
        if cursor.flow_colon(False) or cursor.peek() in (",", "}"):
            if cursor.peek() == ",":
                raise cursor.broken("a key is missing")
            key = Node(None, cursor.places.of(key_at))
        else:
            key = flow_node(cursor, parent, depth + 1, in_flow=True)
        json_like = cursor.text[cursor.pos - 1] in "\"'}]" and cursor.text[key_at] in "\"'{["
        _flow_skip(cursor, parent)
        if cursor.flow_colon(json_like):
            cursor.pos += 1
            item = _flow_value(cursor, parent, depth + 1)
        else:
            item = cursor.node(None, key_at, depth + 1)
        add(cursor, node, key, item, key_at)
        _flow_next(cursor, parent, "}")
    cursor.pos += 1
    return node


def add(cursor: Cursor, mapping: Node, key: Node, item: Node, at: int) -> None:
    """Put an entry into a mapping, by SAME-PRG-003 to SAME-PRG-005."""
    entries = mapping.value
    assert isinstance(entries, dict)
    if key.broken:
        return
    if not isinstance(key.value, str):
        cursor.find("SAME1002", "SAME-PRG-003", "a key is no text", at)
        return
    if key.value == "<<" and cursor.text.startswith("<<", at):
        cursor.find("SAME1002", "SAME-PRG-003", "a merge key may not stand in a manifest", at)
        return
    if key.value == "__proto__":
        cursor.find("SAME1015", "SAME-PRG-005", "a key is called __proto__", at)
        return
    if key.value in entries:
        cursor.find("SAME1003", "SAME-PRG-004", f"the key {key.value!r} is there twice", at)
        return
    entries[key.value] = (cursor.places.of(at), item)

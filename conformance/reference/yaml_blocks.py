"""Block scalars of YAML: text under `|` and `>`."""

from __future__ import annotations

import yaml_scalars
from yaml_cursor import SPACE, Cursor, Node


def block_scalar(cursor: Cursor, parent: int) -> Node:
    """The text of a block below an indentation of `parent`."""
    at = cursor.pos
    folded = cursor.peek() == ">"
    cursor.pos += 1
    chomp = ""
    explicit = 0
    while cursor.peek() and cursor.peek() in "+-0123456789":
        character = cursor.peek()
        if character in "+-":
            if chomp:
                raise cursor.broken("the header of a block says twice how it ends")
            chomp = character
        else:
            if explicit or character == "0":
                raise cursor.broken("the header of a block has a wrong indentation")
            explicit = int(character)
        cursor.pos += 1
    header_end = cursor.pos
    cursor.spaces()
    if cursor.peek() == "#":
        if cursor.pos == header_end:
            raise cursor.broken("a comment touches the header of a block")
        stop = cursor.text.find("\n", cursor.pos)
        cursor.pos = cursor.end if stop < 0 else stop
    if cursor.peek() not in ("", "\n"):
        raise cursor.broken("something follows the header of a block")
    if cursor.peek() == "\n":
        cursor.pos += 1
    lines = _block_lines(cursor, parent, explicit)
    text = _joined(lines, folded, chomp)
    return yaml_scalars.scalar(cursor, text, at)


def _block_lines(cursor: Cursor, parent: int, explicit: int) -> list[str]:
    """The lines of a block without their indentation; the last is followed by "" if it has a line end."""
    indent = max(parent, 0) + explicit if explicit else None
    lines: list[str] = []
    longest = 0
    while cursor.pos < cursor.end:
        if cursor.marker():
            break
        stop = cursor.text.find("\n", cursor.pos)
        line_end = cursor.end if stop < 0 else stop
        line = cursor.text[cursor.pos : line_end]
        blanks = len(line) - len(line.lstrip(" "))
        if blanks == len(line) and (indent is None or blanks <= indent):
            longest = max(longest, blanks)
            content = ""
        else:
            if indent is None:
                if blanks <= parent:
                    break
                if longest > blanks:
                    raise cursor.broken("an empty line before a block is indented further than it")
                indent = blanks
            if blanks < indent:
                break
            content = line[indent:]
        if stop < 0:
            if content or blanks < len(line):
                lines.append(content)
                cursor.pos = cursor.end
                return lines
            cursor.pos = cursor.end
            break
        lines.append(content)
        cursor.pos = line_end + 1
    lines.append("")
    return lines


def _joined(lines: list[str], folded: bool, chomp: str) -> str:
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
        kept = line[0] in SPACE
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

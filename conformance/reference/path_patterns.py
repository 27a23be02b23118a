"""Patterns of paths (SAME-PRG-043): `*` within a segment, `**` across segments, `?`, `[…]` and `{a,b}`."""

from __future__ import annotations

import functools
import re


def matches(pattern: str, path: str) -> bool:
    """Whether a pattern matches a path from the root, or a directory that the path is in."""
    compiled = _compile(pattern.removesuffix("/"))
    parts = path.split("/")
    return any(compiled.fullmatch("/".join(parts[:depth])) for depth in range(1, len(parts) + 1))


@functools.cache
def _compile(pattern: str) -> re.Pattern[str]:
    parts = [part for part in pattern.split("/") if part != "."]
    return re.compile(_translate("/".join(parts)), re.DOTALL)


def _translate(pattern: str) -> str:
    out = []
    at = 0
    while at < len(pattern):
        character = pattern[at]
        if pattern.startswith("**/", at) and (at == 0 or pattern[at - 1] == "/"):
            out.append("(?:.*/)?")
            at += 3
        elif pattern.startswith("**", at):
            out.append(".*")
            at += 2
        elif character == "*":
            out.append("[^/]*")
            at += 1
        elif character == "?":
            out.append("[^/]")
            at += 1
        elif character == "[" and "]" in pattern[at + 2 :]:
            stop = pattern.index("]", at + 2)
            body = pattern[at + 1 : stop].replace("\\", "\\\\").replace("[", "\\[")
            if body[0] in "!^":
                body = "^/" + body[1:]
            out.append(f"[{body}]")
            at = stop + 1
        elif character == "{" and "}" in pattern[at:]:
            stop = _closing(pattern, at)
            choices = _choices(pattern[at + 1 : stop])
            out.append("(?:" + "|".join(_translate(choice) for choice in choices) + ")")
            at = stop + 1
        else:
            out.append(re.escape(character))
            at += 1
    return "".join(out)


def _closing(pattern: str, at: int) -> int:
    depth = 0
    for index in range(at, len(pattern)):
        depth += {"{": 1, "}": -1}.get(pattern[index], 0)
        if depth == 0:
            return index
    return pattern.index("}", at)


def _choices(text: str) -> list[str]:
    choices = [""]
    depth = 0
    for character in text:
        depth += {"{": 1, "}": -1}.get(character, 0)
        if character == "," and depth == 0:
            choices.append("")
        else:
            choices[-1] += character
    return choices

"""Where quantities, durations, variables and paths stand in a manifest: `*` is any key, `#` any item."""

from __future__ import annotations

from collections.abc import Iterator

from schema import BROKEN, Steps

_STEP = [("pipeline", "steps", "*"), ("pipeline", "finally", "*")]
_RESOURCES = [("resources",), *((*step, "resources") for step in _STEP)]
QUANTITIES = [(*r, *q) for r in _RESOURCES for q in (("memory",), ("disk", "size"), ("gpu", "memory"))]
DURATIONS = [(*step, *d) for step in _STEP for d in (("timeout",), ("retries", "backoff"))]
VARIABLES = [("environments", "*", "variables"), ("services", "*", "provides"), ("secrets",)]
PLACES = [(*step, *p) for step in _STEP for p in (("inputs", "*", "at"), ("outputs", "*", "path"))]
PATHS = [
    ("upstream", "to"),
    ("upstream", "patches", "#"),
    ("environments", "*", "python", "lock"),
    ("environments", "*", "python", "requirements"),
    ("environments", "*", "r", "lock"),
    ("environments", "*", "node", "lock"),
    ("environments", "*", "dockerfile"),
    ("infrastructure", "targets", "#", "path"),
    ("files", "exclude", "#"),
    ("files", "allowSecret", "#"),
    *((*step, "workdir") for step in _STEP),
    *((*step, "code", "#") for step in _STEP),
    *PLACES,
]


def found(value: object, wanted: list[tuple[str, ...]], kinds: type | tuple = str) -> Iterator[tuple[Steps, object]]:
    """Every value of a kind at one of these paths."""
    for path in wanted:
        for steps, item in _walk(value, path, ()):
            if isinstance(item, kinds):
                yield steps, item


def keys(value: object, wanted: list[tuple[str, ...]]) -> Iterator[tuple[Steps, str]]:
    """Every key of the mappings at these paths."""
    for path in wanted:
        for steps, item in _walk(value, path, ()):
            if isinstance(item, dict):
                for key in item:
                    yield (*steps, key), key


def _walk(value: object, path: tuple[str, ...], steps: Steps) -> Iterator[tuple[Steps, object]]:
    if not path:
        yield steps, value
    elif path[0] == "#":
        if isinstance(value, list):
            for index, item in enumerate(value):
                yield from _walk(item, path[1:], (*steps, index))
    elif isinstance(value, dict):
        for key in list(value) if path[0] == "*" else [path[0]] if path[0] in value else []:
            yield from _walk(value[key], path[1:], (*steps, key))


def prune(value: object, removed: set[Steps], path: Steps = ()) -> object:
    """A copy without what is removed; a list that has lost an item is gone whole."""
    if isinstance(value, dict):
        result = {}
        for key, item in value.items():
            here = (*path, key)
            if here in removed or item is BROKEN:
                removed.add(here)
                continue
            pruned = prune(item, removed, here)
            if pruned is BROKEN:
                removed.add(here)
                continue
            result[key] = pruned
        return result
    if isinstance(value, list):
        items = []
        for index, item in enumerate(value):
            here = (*path, index)
            pruned = BROKEN if here in removed or item is BROKEN else prune(item, removed, here)
            if pruned is BROKEN:
                return BROKEN
            items.append(pruned)
        return items
    return value

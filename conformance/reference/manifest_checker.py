"""What every check of a manifest stands on: the values that were read, their places, and what is declared."""

from __future__ import annotations

from collections.abc import Iterator

import yaml_text
from findings import Finding
from schema import BROKEN, Steps
from yaml_cursor import Node, place_text


def _without_broken(node: Node, path: Steps, broken: set[Steps]) -> object:
    if node.broken:
        broken.add(path)
        return BROKEN
    if isinstance(node.value, dict):
        return {key: _without_broken(item, (*path, key), broken) for key, (_, item) in node.value.items()}
    if isinstance(node.value, list):
        return [_without_broken(item, (*path, index), broken) for index, item in enumerate(node.value)]
    return node.value


class Checker:
    """Checks one manifest; places come from the nodes that were read."""

    def __init__(self, root: Node) -> None:
        self.root = root
        self.findings: list[Finding] = []
        self.removed: set[Steps] = set()
        self.value: dict = _without_broken(root, (), self.removed)  # type: ignore[assignment]
        self.whole = yaml_text.plain(root)
        self.sound: dict[str, dict] = {}
        """Declarations of parameters that nothing is wrong with."""

    # Places

    def node(self, path: Steps) -> Node:
        node = self.root
        for step in path:
            if isinstance(node.value, dict):
                node = node.value[step][1]  # type: ignore[index]
            else:
                node = node.value[step]  # type: ignore[index]
        return node

    def value_place(self, path: Steps) -> str:
        return place_text(self.node(path).place)

    def key_place(self, path: Steps) -> str:
        """The place of a key; an item of a list and the root have none, so that of their value."""
        if path and isinstance(path[-1], str):
            parent = self.node(path[:-1])
            return place_text(parent.value[path[-1]][0])  # type: ignore[index]
        return self.value_place(path)

    def at_value(self, code: str, clause: str, path: Steps, message: str) -> None:
        name = ".".join(map(str, path))
        self.findings.append(Finding(code, clause, f"{name}: {message}", self.value_place(path)))

    def at_key(self, code: str, clause: str, path: Steps, message: str) -> None:
        name = ".".join(map(str, path)) or "manifest"
        self.findings.append(Finding(code, clause, f"{name}: {message}", self.key_place(path)))

    # Names

    def section(self, *names: str) -> dict:
        here: object = self.value
        for name in names:
            here = here.get(name, {}) if isinstance(here, dict) else {}
        return here if isinstance(here, dict) else {}

    def declared(self, *names: str) -> set[str]:
        """Names that are declared somewhere, also where what is declared has a problem (SAME-PRG-011)."""
        here: object = self.whole
        for name in names:
            here = here.get(name, {}) if isinstance(here, dict) else {}
        return set(here) if isinstance(here, dict) else set()

    def all_steps(self) -> Iterator[tuple[str, str, dict]]:
        for group in ("steps", "finally"):
            for name, step in self.section("pipeline", group).items():
                if isinstance(step, dict):
                    yield group, name, step

    def outputs_of(self, group: str, step: str) -> set[str]:
        return self.declared("pipeline", group, step, "outputs")

    def leads_to(self, text: str, groups: tuple[str, ...]) -> bool:
        """Whether `STEP.OUTPUT` names an output of a step of these groups."""
        step, dot, output = text.partition(".")
        return bool(dot) and any(
            step in self.declared("pipeline", group) and output in self.outputs_of(group, step) for group in groups
        )

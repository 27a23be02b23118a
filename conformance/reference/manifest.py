"""`same.yaml`: reading it, and every rule that a manifest is held to by itself (the chapters SAME-PRG and SAME-PIP)."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

import conditions
import parameters
import paths
import re2_pattern
import references
import schema
import templates
import versions
import yaml_text
from canonical_json import SAFE_INTEGER, text_of
from findings import Finding, Refused
from schema import BROKEN, Misfit, Steps
from yaml_text import Node

TEXT_FIELDS = ("version", "name", "revision", "arxiv", "doi")
"""Fields in which a number is SAME1006 (SAME-PRG-009)."""

TRACKING_VARIABLES = ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID")
RESERVED_VARIABLES = ("HOME", "TMPDIR", "PATH", *TRACKING_VARIABLES)
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_POINTER = re.compile(r"(/([^~/]|~[01])*)*\Z")
_COMMAND = re.compile(r"[A-Za-z0-9._+-]+( *(>=|<=|==|!=|>|<) *[0-9][0-9A-Za-z.+-]*)*\Z")
_R_PACKAGE = re.compile(r"[A-Za-z][A-Za-z0-9.]*( *(>=|<=|==|!=|>|<) *[0-9][0-9.-]*)*\Z")
_MOST_CELLS = 100_000
_MOST_CELLS_IN_ALL = 500_000
_UNITS = {
    "": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50,
    "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15,
}  # fmt: skip
_MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_ORDER = {code: index for index, code in enumerate(
    ("SAME1002", "SAME1003", "SAME1015", "SAME1004", "SAME1201", "SAME1202", "SAME1105", "SAME1006", "SAME1005")
)}  # fmt: skip


@dataclass
class Read:
    """What a manifest says, and what is wrong with it. `value` may be trusted only where nothing is."""

    value: object
    findings: list[Finding] = field(default_factory=list)


def read(data: bytes) -> Read:
    """Read and check the bytes of a `same.yaml` (SAME-PRG-001 to SAME-PRG-032), except what needs its files."""
    try:
        document = yaml_text.read(data)
    except Refused as refusal:
        return Read(None, refusal.findings)
    value = yaml_text.plain(document.root)
    found = list(document.findings)
    if not isinstance(document.root.value, dict) or document.root.broken:
        if not found:
            place = yaml_text.place_text(document.root.place)
            found.append(Finding("SAME1005", "SAME-PRG-007", "a manifest is a mapping", place))
        return Read(value, found)
    checker = _Checker(document.root)
    checker.versions()
    if checker.findings:
        return Read(value, found + checker.findings)
    checker.shape()
    checker.rules()
    return Read(value, found + checker.findings)


def _without_broken(node: Node, path: Steps, broken: set[Steps]) -> object:
    if node.broken:
        broken.add(path)
        return BROKEN
    if isinstance(node.value, dict):
        return {key: _without_broken(item, (*path, key), broken) for key, (_, item) in node.value.items()}
    if isinstance(node.value, list):
        return [_without_broken(item, (*path, index), broken) for index, item in enumerate(node.value)]
    return node.value


class _Checker:
    """Checks one manifest; places come from the nodes that were read."""

    def __init__(self, root: Node) -> None:
        self.root = root
        self.findings: list[Finding] = []
        self.removed: set[Steps] = set()
        self.value: dict = _without_broken(root, (), self.removed)  # type: ignore[assignment]
        self.whole = yaml_text.plain(root)

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
        return yaml_text.place_text(self.node(path).place)

    def key_place(self, path: Steps) -> str:
        """The place of a key; an item of a list and the root have none, so that of their value."""
        if path and isinstance(path[-1], str):
            parent = self.node(path[:-1])
            return yaml_text.place_text(parent.value[path[-1]][0])  # type: ignore[index]
        return self.value_place(path)

    def at_value(self, code: str, clause: str, path: Steps, message: str) -> None:
        name = ".".join(map(str, path))
        self.findings.append(Finding(code, clause, f"{name}: {message}", self.value_place(path)))

    def at_key(self, code: str, clause: str, path: Steps, message: str) -> None:
        name = ".".join(map(str, path)) or "manifest"
        self.findings.append(Finding(code, clause, f"{name}: {message}", self.key_place(path)))

    # Shape

    def versions(self) -> None:
        """SAME-PRG-010: beside another version or kind nothing else is looked at."""
        for key, accepted in (("apiVersion", "same/v1"), ("kind", "Program")):
            said = self.value.get(key, accepted)
            if said is not BROKEN and said != accepted:
                self.at_value("SAME1007", "SAME-PRG-010", (key,), f"must be {accepted}")

    def shape(self) -> None:
        """Hold the manifest against its schema, and leave out what does not fit (SAME-PRG-006 to SAME-PRG-011)."""
        found: list[tuple[Finding, Misfit | None]] = []
        value = self.value
        for misfit in schema.misfits(schema.load("program"), value):
            if misfit.message == "is longer than 1024":
                # How long a path may be is SAME-PRG-015's, in bytes.
                continue
            found.append((self.finding(misfit), misfit))
        for path, clause, message, at_key in self.more_shape(value):
            if any(path[: len(m.path)] == m.path for _, m in found if m is not None and m.kind != "missing"):
                continue
            place = self.key_place(path) if at_key else self.value_place(path)
            code = "SAME1005" if message != "steps" else "SAME1008"
            name = ".".join(map(str, path))
            found.append((Finding(code, clause, f"{name}: {message}", place), Misfit("value", path, message)))
        best: dict[str, Finding] = {}
        for finding, misfit in found:
            if finding.code == "SAME1008":
                self.findings.append(finding)
                continue
            key = finding.place or ""
            known = best.get(key)
            if known is None or _ORDER[finding.code] < _ORDER[known.code]:
                best[key] = finding
        self.findings.extend(best.values())
        for _, misfit in found:
            if misfit is None:
                continue
            path = misfit.path
            if misfit.kind == "missing" and not path:
                self.value = {}
                return
            # A list with something wrong in it is left out whole.
            first = next((i for i, step in enumerate(path) if isinstance(step, int)), len(path))
            self.removed.add(path[:first])
        self.value = _prune(self.value, self.removed)  # type: ignore[assignment]

    def finding(self, misfit: Misfit) -> Finding:
        path = misfit.path
        name = ".".join(map(str, path)) or "manifest"
        message = f"{name}: {misfit.message}"
        in_declaration = len(path) > 2 and path[0] == "parameters"
        if misfit.kind == "missing":
            return Finding("SAME1008", "SAME-PRG-008", message, self.key_place(path))
        if misfit.kind == "unknown":
            if in_declaration:
                return Finding("SAME1105", "SAME-PAR-004", message, self.key_place(path))
            return Finding("SAME1004", "SAME-PRG-006", message, self.key_place(path))
        if misfit.kind == "name":
            clause = "SAME-PRG-031" if path[0] == "extensions" else "SAME-PRG-007"
            return Finding("SAME1005", clause, message, self.key_place(path))
        place = self.value_place(path)
        if misfit.kind == "type":
            chosen = len(path) > 1 and path[-2] in ("variables", "provides")
            is_text = "string" in misfit.message
            if path[-1] in TEXT_FIELDS and is_text and not chosen and schema.is_number(self.node(path).value):
                return Finding("SAME1006", "SAME-PRG-009", f"{name}: must be text: put it in quotes", place)
            return Finding("SAME1005", "SAME-PRG-007", message, place)
        if path == ("metadata", "name"):
            return Finding("SAME1201", "SAME-REF-001", message, place)
        if path == ("metadata", "version"):
            return Finding("SAME1202", "SAME-REF-003", message, place)
        return Finding("SAME1005", "SAME-PRG-007", message, place)

    def more_shape(self, value: dict) -> Iterator[tuple[Steps, str, str, bool]]:
        """Wrong values that the schema does not know of: (path, clause, message, whether the key is wrong)."""
        for path, quantity in _found(value, _QUANTITIES):
            match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([A-Za-z]*)", quantity)
            if match and match[2] in _UNITS and _too_much(match[1], _UNITS[match[2]]):
                yield path, "SAME-PRG-013", "is more than 2^53 - 1 bytes", False
        for path, duration in _found(value, _DURATIONS):
            match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([a-z]*)", duration)
            if match and match[2] in _MILLISECONDS and _too_much(match[1], _MILLISECONDS[match[2]]):
                yield path, "SAME-PRG-013", "is more than 2^53 - 1 milliseconds", False
        for path, name in _keys(value, _VARIABLES):
            if path[0] == "services" and name in TRACKING_VARIABLES:
                continue
            if name in RESERVED_VARIABLES or name.startswith("SAME_"):
                yield path, "SAME-PRG-007", "is set by the step contract", True
        for path, text in _found(value, [("environments", "*", "variables", "*")]):
            if "\0" in text:
                yield path, "SAME-PRG-007", "holds a NUL", False
        for path, text in _found(value, [("environments", "*", "requires", "commands", "#")]):
            if text and not _COMMAND.match(text):
                yield path, "SAME-PIP-021", "is no command with constraints", False
        for path, text in _found(value, [("environments", "*", "r", "packages", "#")]):
            if text and not _R_PACKAGE.match(text):
                yield path, "SAME-PIP-062", "is no package with constraints", False
        for group in ("steps", "finally"):
            for path, run in _found(value, [("pipeline", group, "*", "run")], (str, list)):
                yield from _run_problems(path, run)
        steps = value.get("pipeline", {}) if isinstance(value.get("pipeline"), dict) else {}
        if steps.get("steps") == {}:
            yield ("pipeline", "steps"), "SAME-PIP-001", "steps", True

    # Rules

    def rules(self) -> None:
        """What the prose asks for beyond shape, of what is left."""
        if not self.value:
            return
        self.metadata()
        self.all_paths()
        self.data()
        self.environments()
        self.targets()
        self.parameters()
        self.profiles()
        self.steps()
        self.outputs()
        self.metrics()
        self.claims()
        self.extensions()

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

    def metadata(self) -> None:
        version = self.section("metadata").get("version")
        if isinstance(version, str) and not versions.is_version(version):
            self.at_value("SAME1202", "SAME-REF-003", ("metadata", "version"), "is no version")
        name = self.section("metadata").get("name")
        if isinstance(name, str) and not references.is_name(name):
            self.at_value("SAME1201", "SAME-REF-001", ("metadata", "name"), "is no name")

    def all_paths(self) -> None:
        for path, text in _found(self.value, _PATHS):
            why = path_problem(text)
            if why is not None:
                self.at_value("SAME1014", "SAME-PRG-015", path, why)
                self.removed.add(path)
        for path, text in _found(self.value, _PLACES):
            if path not in self.removed and place_parts(text) == []:
                self.at_value("SAME1014", "SAME-PIP-006", path, "is the workdir itself")
                self.removed.add(path)

    def data(self) -> None:
        for name, pointer in self.section("data").items():
            path = ("data", name)
            uri = pointer.get("uri", "")
            if isinstance(uri, str) and ADDRESS.match(uri):
                if uri[:5].lower() == "file:":
                    self.at_value("SAME1014", "SAME-PRG-025", (*path, "uri"), "a file: address leaves the program")
            elif uri:
                why = path_problem(uri)
                if why is not None:
                    self.at_value("SAME1014", "SAME-PRG-015", (*path, "uri"), why)
                if pointer.get("carry") in ("pointer", "never"):
                    message = "a bundle always holds data at a relative path"
                    self.at_value("SAME1005", "SAME-PRG-025", (*path, "carry"), message)
            if pointer.get("mutable") is True and "digest" in pointer:
                self.at_key("SAME1005", "SAME-PRG-007", (*path, "mutable"), "excludes digest")

    def environments(self) -> None:
        secrets = self.declared("secrets")
        for name, environment in self.section("environments").items():
            path = ("environments", name)
            own = self.declared("environments", name)
            languages = [key for key in ("python", "r", "node") if key in own]
            images = [key for key in ("image", "dockerfile") if key in own]
            if "system" in own and images:
                self.at_key("SAME1005", "SAME-PIP-016", (*path, images[0]), "excludes system")
            elif "system" in own and languages:
                self.at_key("SAME1005", "SAME-PIP-016", (*path, "system"), f"excludes {languages[0]}")
            elif len(languages) > 1:
                self.at_key("SAME1005", "SAME-PIP-016", (*path, languages[1]), f"excludes {languages[0]}")
            elif len(images) > 1:
                self.at_key("SAME1005", "SAME-PIP-016", (*path, "dockerfile"), "excludes image")
            elif "system" not in own and not languages and not images:
                self.at_key("SAME1008", "SAME-PIP-016", path, "is no kind of environment")
            for language, clause, keys in (
                ("python", "SAME-PIP-016", ("lock", "requirements", "packages")),
                ("r", "SAME-PIP-062", ("lock", "packages")),
            ):
                given = [key for key in keys if key in environment.get(language, {})]
                if len(given) > 1:
                    self.at_key("SAME1005", clause, (*path, language, given[-1]), f"excludes {given[0]}")
            for variable in environment.get("variables", {}):
                if variable in secrets:
                    self.at_key("SAME1005", "SAME-PRG-007", (*path, "variables", variable), "is a secret too")

    def targets(self) -> None:
        seen = set()
        for index, target in enumerate(self.section("infrastructure").get("targets", [])):
            path = ("infrastructure", "targets", index)
            name = target.get("name")
            if name in seen:
                self.at_value("SAME1005", "SAME-PRG-007", (*path, "name"), "is the name of another target")
            seen.add(name)
            if target.get("kind") == "terraform" and "path" not in self.node(path).value:  # type: ignore[operator]
                self.at_key("SAME1008", "SAME-PRG-008", path, "terraform needs a path")

    # Parameters

    def parameters(self) -> None:
        self.sound: dict[str, dict] = {}
        for name, declaration in self.section("parameters").items():
            path = ("parameters", name)
            if any(removed[:2] == path for removed in self.removed):
                continue
            fine = True
            for wrong in parameters.check_declaration(declaration, path):
                fine = fine and wrong.code != "SAME1105"
                place = self.at_key if wrong.key else self.at_value
                place(wrong.code, wrong.clause, wrong.path, wrong.message)
            if fine:
                self.sound[name] = declaration
        declared = self.node(("parameters",)).value if "parameters" in self.value else {}
        names = [name for name in declared if isinstance(declared, dict)]
        for name, message in parameters.check_names(names):
            self.at_key("SAME1106", "SAME-PAR-002", ("parameters", name), message)

    def held(self, path: Steps, name: str, value: object, clause: str) -> None:
        """Hold a value in the manifest to the parameter that it is for."""
        if name in self.sound and value is not BROKEN and path not in self.removed:
            for wrong in parameters.check_value(self.sound[name], value):
                self.at_value(wrong.code, clause, path, wrong.message)

    def profiles(self) -> None:
        names = {parameters.folded(name): name for name in self.declared("parameters")}
        for profile, content in self.section("profiles").items():
            seen: set[str] = set()
            for key, value in content.get("parameters", {}).items():
                path = ("profiles", profile, "parameters", key)
                name = names.get(parameters.folded(key))
                if name is None:
                    self.at_key("SAME1101", "SAME-PRG-020", path, "no parameter is called so")
                elif name in seen:
                    self.at_key("SAME1106", "SAME-PRG-020", path, f"{name} is named twice")
                else:
                    seen.add(name)
                    self.held(path, name, value, "SAME-PRG-020")

    # The pipeline

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

    def steps(self) -> None:
        for name in self.section("pipeline", "finally"):
            if name in self.declared("pipeline", "steps"):
                self.at_key("SAME1005", "SAME-PIP-036", ("pipeline", "finally", name), "is the name of a step too")
        for group, name, step in self.all_steps():
            self.step(group, ("pipeline", group, name), step)
        self.cycles()
        self.combinations()

    def combinations(self) -> None:
        """SAME-PIP-038: what all matrices have in all, of those that are within their own limit."""
        counts = (
            math.prod(map(len, step["matrix"].values())) for _, _, step in self.all_steps() if "matrix" in step
        )
        if sum(count for count in counts if count <= _MOST_CELLS) > _MOST_CELLS_IN_ALL:
            self.at_key("SAME1005", "SAME-PIP-038", ("pipeline",), "has too many combinations")

    def dimensions(self, *step: str) -> set[str]:
        """The dimensions of a step; none where it runs once."""
        own = self.declared(*step)
        return self.declared(*step, "matrix") or ({"item"} if "foreach" in own else set())

    def cells(self, group: str, path: Steps, step: dict) -> None:
        """SAME-PIP-032, SAME-PIP-038, SAME-PIP-039, SAME-PIP-042."""
        own = self.declared(*path)  # type: ignore[arg-type]
        dimensions = self.dimensions(*path)  # type: ignore[arg-type]
        if step.get("matrix") == {} and not dimensions:
            self.at_key("SAME1008", "SAME-PIP-038", (*path, "matrix"), "has no dimension")
        variables: set[str] = set()
        for name, values in sorted(step.get("matrix", {}).items()):
            here = (*path, "matrix", name)
            known: set[str] = set()
            for index, value in enumerate(values):
                text = text_of(value)
                if text in known:
                    self.at_value("SAME1005", "SAME-PIP-038", (*here, index), "is there twice")
                known.add(text)
                if isinstance(value, str) and "\0" in value:
                    self.at_value("SAME1005", "SAME-PIP-038", (*here, index), "has a NUL")
            variable = name.upper().replace("-", "_")
            if variable in variables:
                self.at_key("SAME1005", "SAME-PIP-038", here, "is called like another dimension")
            variables.add(variable)
        if math.prod(map(len, step.get("matrix", {}).values())) > _MOST_CELLS:
            self.at_key("SAME1005", "SAME-PIP-038", (*path, "matrix"), "has too many combinations")
        if "parallel" in step and not dimensions and "matrix" not in own:
            self.at_key("SAME1005", "SAME-PIP-032", (*path, "parallel"), "the step runs once")
        if "foreach" in step:
            self.foreach(group, (*path, "foreach"), step["foreach"], "matrix" in own)
        if "when" in step:
            self.condition((*path, "when"), step["when"], dimensions)

    def foreach(self, group: str, path: Steps, text: str, has_matrix: bool) -> None:
        groups = ("steps",) if group == "steps" else ("steps", "finally")
        if has_matrix:
            self.at_key("SAME1005", "SAME-PIP-039", path, "excludes matrix")
        elif not self.leads_to(text, groups):
            self.at_value("SAME1009", "SAME-PRG-014", path, "leads to no output of a step")
        elif any(self.dimensions("pipeline", each, text.partition(".")[0]) for each in groups):
            self.at_value("SAME1005", "SAME-PIP-039", path, "is a directory")

    def condition(self, path: Steps, text: str, dimensions: set[str]) -> None:
        try:
            found = conditions.names(text)
        except conditions.NotACondition as error:
            self.at_value("SAME1010", "SAME-PIP-042", path, str(error))
            return
        known = {"parameters": self.declared("parameters"), "matrix": dimensions}
        for kind, name in dict.fromkeys(found):
            if name not in (known[kind] if kind else known["parameters"] | dimensions):
                self.at_value("SAME1010", "SAME-PIP-042", path, f"{name} is not declared")

    def fan_in(self, path: Steps, name: str, given: dict, groups: tuple[str, ...]) -> None:
        """SAME-PIP-041."""
        here = (*path, "inputs", name)
        source = given.get("from", "").partition(".")[0]
        group = next((each for each in groups if source in self.declared("pipeline", each)), None)
        theirs = self.dimensions("pipeline", group, source) if group else set()
        shared = theirs & self.dimensions(*path)  # type: ignore[arg-type]
        if "cells" not in given:
            if shared and "cells" not in self.node(here).value:  # type: ignore[operator]
                self.at_key("SAME1008", "SAME-PIP-041", here, "does not say which cells")
            return
        at = (*here, "cells")
        if (group is None and "from" not in given) or (group is not None and not theirs):
            self.at_value("SAME1005", "SAME-PIP-041", at, "there is one cell only")
        elif group is not None and given["cells"] == "matching" and not shared:
            self.at_value("SAME1005", "SAME-PIP-041", at, "the steps have no dimension in common")
        elif group is not None and given["cells"] == "matching":
            for dimension in sorted(shared):
                wanted = self.dimension(path, dimension)
                there = self.dimension(("pipeline", group, source), dimension)
                if wanted is not None and there is not None and wanted - there:
                    self.at_value("SAME1005", "SAME-PIP-041", at, f"{dimension} has values without a cell")

    def dimension(self, step: Steps, name: str) -> set[str] | None:
        here: object = self.whole
        for key in (*step, "matrix", name):
            here = here.get(key) if isinstance(here, dict) else None  # type: ignore[call-overload]
        return {text_of(value) for value in here} if isinstance(here, list) else None

    def step(self, group: str, path: Steps, step: dict) -> None:
        for key, section in (("parameters", "parameters"), ("secrets", "secrets"), ("services", "services")):
            for index, named in enumerate(step.get(key, [])):
                if named not in self.declared(section):
                    self.at_value("SAME1009", "SAME-PRG-014", (*path, key, index), "is not declared")
        environment = step.get("environment", "default")
        if environment != "default" and environment not in self.declared("environments"):
            self.at_value("SAME1009", "SAME-PRG-014", (*path, "environment"), "is not declared")
        sources = ("steps",) if group == "steps" else ("steps", "finally")
        for name, given in step.get("inputs", {}).items():
            here = (*path, "inputs", name)
            own = self.node(here).value
            if "from" in own and "data" in own:  # type: ignore[operator]
                self.at_key("SAME1005", "SAME-PIP-005", (*here, "data"), "excludes from")
                continue
            if "from" not in own and "data" not in own:  # type: ignore[operator]
                self.at_key("SAME1008", "SAME-PIP-005", here, "has neither from nor data")
            if "from" in given and not self.leads_to(given["from"], sources):
                self.at_value("SAME1009", "SAME-PRG-014", (*here, "from"), "leads to no output of a step")
            if "data" in given and given["data"] not in self.declared("data"):
                self.at_value("SAME1009", "SAME-PRG-014", (*here, "data"), "is not declared")
            self.fan_in(path, name, given, sources)
        self.cells(group, path, step)
        for name in step.get("outputs", {}):
            if name in ("stdout", "stderr"):
                self.at_key("SAME1005", "SAME-PIP-007", (*path, "outputs", name), "is what the step prints")
        self.places(path, step)
        if "run" in step:
            self.templates(path, step)

    def places(self, path: Steps, step: dict) -> None:
        """No two places of one step lie at or below one another (SAME-PIP-007)."""
        earlier: list[list[str]] = []
        for section, key in (("inputs", "at"), ("outputs", "path")):
            for name, artifact in step.get(section, {}).items():
                here = (*path, section, name, key)
                if key not in artifact or here in self.removed:
                    continue
                parts = place_parts(artifact[key])
                if any(parts[: len(other)] == other or other[: len(parts)] == parts for other in earlier):
                    self.at_value("SAME1005", "SAME-PIP-007", here, "lies at, below or above another place")
                earlier.append(parts)

    def templates(self, path: Steps, step: dict) -> None:
        """SAME-PIP-009, SAME-PIP-010, SAME-PIP-012."""
        seen = set(step["parameters"]) if "parameters" in step else self.declared("parameters")
        known = {
            "parameters": seen & self.declared("parameters") if "parameters" not in step else seen,
            "inputs": self.declared(*path, "inputs"),  # type: ignore[arg-type]
            "outputs": self.declared(*path, "outputs"),  # type: ignore[arg-type]
            "matrix": self.dimensions(*path),  # type: ignore[arg-type]
        }
        if "parameters" in self.node(path).value and "parameters" not in step:  # type: ignore[operator]
            known["parameters"] = self.declared("parameters")
        run = step["run"]
        here = (*path, "run")
        if isinstance(run, str):
            fine = templates.unquoted(run)
            for spot in templates.spots(run):
                why = templates.unknown(spot, known)
                clause = "SAME-PIP-009"
                if why is None and spot.start not in fine:
                    why, clause = "a place would become shell syntax here", "SAME-PIP-012"
                if why is not None:
                    self.at_value("SAME1010", clause, here, why)
            return
        command = templates.shell_text(run)
        for index, word in enumerate(run):
            for spot in templates.spots(word):
                why = templates.unknown(spot, known)
                clause = "SAME-PIP-009"
                if why is None and index == command:
                    why, clause = "a place would become shell syntax here", "SAME-PIP-012"
                if why is None and spot.content == "flags" and (spot.start, spot.stop) != (0, len(word)):
                    why, clause = "{{flags}} is a part of a word", "SAME-PIP-012"
                if why is not None:
                    self.at_value("SAME1010", clause, (*here, index), why)

    def cycles(self) -> None:
        """SAME-PIP-014: each cycle once, at the first of its steps."""
        after: dict[str, set[str]] = {}
        group_of: dict[str, str] = {}
        for group, name, step in self.all_steps():
            group_of.setdefault(name, group)
            sources = after.setdefault(name, set())
            for given in step.get("inputs", {}).values():
                if isinstance(given.get("from"), str) and "data" not in given:
                    groups = ("steps",) if group == "steps" else ("steps", "finally")
                    if self.leads_to(given["from"], groups):
                        sources.add(given["from"].partition(".")[0])
            groups = ("steps",) if group == "steps" else ("steps", "finally")
            if self.leads_to(step.get("foreach", ""), groups):
                sources.add(step["foreach"].partition(".")[0])
        for component in _components(after):
            first = component[0]
            if len(component) > 1 or first in after[first]:
                path = ("pipeline", group_of[first], first)
                self.at_key("SAME1013", "SAME-PIP-014", path, "reads what comes of its own output")

    def outputs(self) -> None:
        for name, output in self.section("outputs").items():
            if "from" in output and not self.leads_to(output["from"], ("steps", "finally")):
                self.at_value("SAME1009", "SAME-PRG-014", ("outputs", name, "from"), "leads to no output of a step")

    def metrics(self) -> None:
        for name, metric in self.section("metrics").items():
            path = ("metrics", name)
            own = self.node(path).value
            assert isinstance(own, dict)
            source = metric.get("from")
            known = False
            is_metrics = False
            if source is not None:
                step, dot, output = source.partition(".")
                for group in ("steps", "finally"):
                    if dot and step in self.declared("pipeline", group):
                        known = known or output in ("stdout", "stderr") or output in self.outputs_of(group, step)
                        declared = self.section("pipeline", group, step, "outputs").get(output, {})
                        is_metrics = is_metrics or declared.get("kind") == "metrics"
                if not known:
                    self.at_value("SAME1009", "SAME-PRG-014", (*path, "from"), "leads to nothing that can be read")
            if "json" in own and "regex" in own:
                self.at_key("SAME1005", "SAME-PIP-028", (*path, "regex"), "excludes json")
            elif "json" not in own and "regex" not in own and known and not is_metrics:
                self.at_key("SAME1008", "SAME-PIP-028", path, "has neither json nor regex")
            if "take" in own and "regex" not in own:
                self.at_key("SAME1005", "SAME-PIP-028", (*path, "take"), "goes with regex only")
            if "json" in metric and not _POINTER.match(metric["json"]):
                self.at_value("SAME1005", "SAME-PIP-028", (*path, "json"), "is no JSON pointer")
            if "regex" in metric:
                try:
                    re2_pattern.compile(metric["regex"])
                except re2_pattern.NotRe2 as error:
                    self.at_value("SAME1005", "SAME-PIP-028", (*path, "regex"), f"is no RE2 pattern: {error}")

    def claims(self) -> None:
        dimensions = set()
        for group in ("steps", "finally"):
            for step in self.declared("pipeline", group):
                dimensions |= self.dimensions("pipeline", group, step)
        known = self.declared("parameters") | dimensions
        seen = set()
        for index, claim in enumerate(self.value.get("claims", [])):
            path = ("claims", index)
            if "id" in claim:
                if claim["id"] in seen:
                    self.at_value("SAME1005", "SAME-CLM-001", (*path, "id"), "is the id of another claim")
                seen.add(claim["id"])
            if "profile" in claim and claim["profile"] not in self.declared("profiles"):
                self.at_value("SAME1009", "SAME-PRG-014", (*path, "profile"), "is not declared")
            if "over" in claim and claim["over"] not in known:
                self.at_value("SAME1009", "SAME-PRG-014", (*path, "over"), "is not declared")
            for name, value in claim.get("given", {}).items():
                if name not in known:
                    self.at_key("SAME1009", "SAME-PRG-014", (*path, "given", name), "is not declared")
                elif name not in dimensions:
                    self.held((*path, "given", name), name, value, "SAME-PRG-020")

    def extensions(self) -> None:
        for index, name in enumerate(self.value.get("requiredExtensions", [])):
            self.at_value("SAME1012", "SAME-PRG-032", ("requiredExtensions", index), f"{name} is not known here")


# Where quantities, durations, variables and paths stand: `*` is any key, `#` any item.

_STEP = [("pipeline", "steps", "*"), ("pipeline", "finally", "*")]
_RESOURCES = [("resources",), *((*step, "resources") for step in _STEP)]
_QUANTITIES = [(*r, *q) for r in _RESOURCES for q in (("memory",), ("disk", "size"), ("gpu", "memory"))]
_DURATIONS = [(*step, *d) for step in _STEP for d in (("timeout",), ("retries", "backoff"))]
_VARIABLES = [("environments", "*", "variables"), ("services", "*", "provides"), ("secrets",)]
_PLACES = [(*step, *p) for step in _STEP for p in (("inputs", "*", "at"), ("outputs", "*", "path"))]
_PATHS = [
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
    *_PLACES,
]


def _found(value: object, wanted: list[tuple[str, ...]], kinds: type | tuple = str) -> Iterator[tuple[Steps, object]]:
    """Every value of a kind at one of these paths."""
    for path in wanted:
        for steps, item in _walk(value, path, ()):
            if isinstance(item, kinds):
                yield steps, item


def _keys(value: object, wanted: list[tuple[str, ...]]) -> Iterator[tuple[Steps, str]]:
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


def _prune(value: object, removed: set[Steps], path: Steps = ()) -> object:
    """A copy without what is removed; a list that has lost an item is gone whole."""
    if isinstance(value, dict):
        result = {}
        for key, item in value.items():
            here = (*path, key)
            if here in removed or item is BROKEN:
                removed.add(here)
                continue
            pruned = _prune(item, removed, here)
            if pruned is BROKEN:
                removed.add(here)
                continue
            result[key] = pruned
        return result
    if isinstance(value, list):
        items = []
        for index, item in enumerate(value):
            here = (*path, index)
            pruned = BROKEN if here in removed or item is BROKEN else _prune(item, removed, here)
            if pruned is BROKEN:
                return BROKEN
            items.append(pruned)
        return items
    return value


def _too_much(number: str, unit: int) -> bool:
    whole, _, fraction = number.partition(".")
    scaled = int(whole + fraction) * unit
    divisor = 10 ** len(fraction)
    return (2 * scaled + divisor) // (2 * divisor) > SAFE_INTEGER


def _run_problems(path: Steps, run: str | list) -> Iterator[tuple[Steps, str, str, bool]]:
    if isinstance(run, str):
        if run and not run.strip():
            yield path, "SAME-PIP-001", "is no command", False
        elif "\0" in run:
            yield path, "SAME-PIP-001", "holds a NUL", False
        return
    for index, word in enumerate(run):
        if not isinstance(word, str):
            continue
        if index == 0 and not word.strip():
            yield (*path, 0), "SAME-PIP-001", "is no command", False
        elif "\0" in word:
            yield (*path, index), "SAME-PIP-001", "holds a NUL", False


def path_problem(text: str) -> str | None:
    """Why text is no path inside the program, or None (SAME-PRG-015). Patterns are held to the same."""
    if text.startswith("/"):
        return "is absolute"
    if re.match(r"[A-Za-z]:", text):
        return "begins with a drive"
    if "\\" in text:
        return "holds a backslash"
    if re.search(r"[\x00-\x1f\x7f]", text):
        return "holds a control character"
    if unicodedata.normalize("NFC", text) != text:
        return "is not in normal form C"
    if len(text.encode("utf-8")) > 1024:
        return "is longer than 1024 bytes"
    for segment in text.removesuffix("/").split("/"):
        if segment == "":
            return "has an empty segment"
        if segment == "..":
            return "has a segment .."
        if len(segment.encode("utf-8")) > paths.SEGMENT_BYTES:
            return "has a segment that is longer than 255 bytes"
    return None


def place_parts(text: str) -> list[str]:
    """The segments of a path that say where it leads."""
    return [part for part in text.split("/") if part not in ("", ".")]


def _components(after: dict[str, set[str]]) -> list[list[str]]:
    """Strongly connected components, each in the order of the manifest."""

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        pending = list(after[start])
        while pending:
            name = pending.pop()
            if name in after and name not in seen:
                seen.add(name)
                pending.extend(after[name])
        return seen

    reach = {name: reached(name) for name in after}
    result = []
    placed: set[str] = set()
    for name in after:
        if name in placed:
            continue
        component = [other for other in after if other == name or (other in reach[name] and name in reach[other])]
        placed.update(component)
        result.append(component)
    return result

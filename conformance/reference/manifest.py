"""`same.yaml`: reading it, and every rule that a manifest is held to by itself (the chapters SAME-PRG and SAME-PIP)."""

from __future__ import annotations

from dataclasses import dataclass, field

import manifest_rules
import manifest_shape
import yaml_text
from findings import Finding, Refused
from manifest_checker import Checker
from yaml_cursor import place_text


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
            place = place_text(document.root.place)
            found.append(Finding("SAME1005", "SAME-PRG-007", "a manifest is a mapping", place))
        return Read(value, found)
    checker = Checker(document.root)
    manifest_shape.versions(checker)
    if checker.findings:
        return Read(value, found + checker.findings)
    manifest_shape.shape(checker)
    manifest_rules.check(checker)
    return Read(value, found + checker.findings)

"""Findings: what is wrong, by permanent code and by clause (SAME-ERR-001, SAME-ERR-008)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One problem. `place` is `line:column` in a manifest and a path inside a bundle."""

    code: str
    clause: str | None = None
    message: str = ""
    place: str | None = None

    def as_json(self) -> dict:
        """The finding as the adapter protocol and `--json` write it; members without a value are left out."""
        members = {"code": self.code, "clause": self.clause, "message": self.message, "place": self.place}
        return {key: value for key, value in members.items() if value}


class Refused(Exception):
    """Raised where nothing further can be done; holds every finding known by then (SAME-ERR-004)."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__("; ".join(f"{f.code} {f.message}" for f in findings))
        self.findings = list(findings)


class Unsupported(Exception):
    """Raised for what this implementation does not do at all; says why."""


def refuse(code: str, clause: str | None, message: str, place: str | None = None) -> Refused:
    """Make (not raise) the refusal that consists of one finding."""
    return Refused(Finding(code, clause, message, place))

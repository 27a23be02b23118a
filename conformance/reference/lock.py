"""`same.lock`: its shape and what it may lock (SAME-PRG-044 to SAME-PRG-050)."""

from __future__ import annotations

import canonical_json
import schema
import tree
from findings import Finding


def problems(document: object) -> list[Finding]:
    """Every way in which a value is no lock (SAME-PRG-045)."""
    return [
        Finding("SAME1505", "SAME-PRG-045", f"{'.'.join(map(str, m.path)) or 'same.lock'}: {m.message}", "same.lock")
        for m in schema.misfits(schema.load("lock"), document)
    ]


def locked_of(python: str, requirements: dict[str, str] | None, packages: list[str] | None) -> str:
    """The `of` of an entry: what was locked (SAME-PRG-050)."""
    return tree.digest(
        canonical_json.bytes_of({"python": python, "requirements": requirements, "packages": packages})
    )


def open_environments(manifest: dict) -> dict[str, dict]:
    """The python environments that a manifest leaves open: those with requirements or packages."""
    return {
        name: environment["python"]
        for name, environment in manifest.get("environments", {}).items()
        if "python" in environment and ("requirements" in environment["python"] or "packages" in environment["python"])
    }

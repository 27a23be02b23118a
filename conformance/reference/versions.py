"""Versions: their form and their order (SAME-REF-003 to SAME-REF-007)."""

from __future__ import annotations

import functools
import re

FORM = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+-]{0,126}\Z")


def is_version(text: str) -> bool:
    """Whether text is a version (SAME-REF-003)."""
    return FORM.match(text) is not None and text != "latest"


def tag(version: str) -> str:
    """The OCI tag of a version (SAME-REF-007)."""
    return version.replace("+", "_")


def _parts(version: str) -> tuple[list[str], list[str] | None]:
    """The release and the pre-release of a version, without build metadata."""
    without_build = version.split("+", 1)[0]
    release, dash, before = without_build.partition("-")
    return release.split("."), before.split(".") if dash else None


def is_pre_release(version: str) -> bool:
    """Whether a version has a pre-release."""
    return _parts(version)[1] is not None


def _compare_identifier(left: str, right: str) -> int:
    """Semantic versioning's order of identifiers: numbers by value, before texts by ASCII."""
    if left.isdigit() and right.isdigit():
        return (int(left) > int(right)) - (int(left) < int(right))
    if left.isdigit() != right.isdigit():
        return -1 if left.isdigit() else 1
    return (left > right) - (left < right)


def compare(left: str, right: str) -> int:
    """The order of two versions: -1, 0 or 1 (SAME-REF-005)."""
    left_release, left_before = _parts(left)
    right_release, right_before = _parts(right)
    left_number = left_release[0].isdigit()
    right_number = right_release[0].isdigit()
    if left_number != right_number:
        return 1 if left_number else -1
    for index in range(max(len(left_release), len(right_release))):
        a = left_release[index] if index < len(left_release) else "0"
        b = right_release[index] if index < len(right_release) else "0"
        order = _compare_identifier(a, b)
        if order:
            return order
    if left_before is None or right_before is None:
        return (left_before is None) - (right_before is None)
    for a, b in zip(left_before, right_before):
        order = _compare_identifier(a, b)
        if order:
            return order
    return (len(left_before) > len(right_before)) - (len(left_before) < len(right_before))


def ascending(versions: list[str]) -> list[str]:
    """Versions in their order, those of equal order by code unit (SAME-REF-006)."""
    return sorted(sorted(versions), key=functools.cmp_to_key(compare))


def chosen(versions: list[str]) -> str:
    """The version that a reference without one means (SAME-REF-006)."""
    ordered = ascending(versions)
    finished = [version for version in ordered if not is_pre_release(version)]
    return (finished or ordered)[-1]

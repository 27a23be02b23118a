"""Names and references (SAME-REF-001, SAME-REF-008, SAME-REF-009, SAME-REF-012)."""

from __future__ import annotations

import re

import versions
from findings import refuse

NAME = re.compile(r"[A-Za-z0-9]+([._-][A-Za-z0-9]+)*(/[A-Za-z0-9]+([._-][A-Za-z0-9]+)*)*\Z")
NAME_BYTES = 128
LAST_PORT = 65535

_HOST = re.compile(r"([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(:(?P<port>[0-9]{1,5}))?\Z")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+]*://")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")

tag = versions.tag


def is_name(text: str) -> bool:
    """Whether text is a name (SAME-REF-001)."""
    return NAME.match(text) is not None and len(text) <= NAME_BYTES


def _is_host(text: str) -> bool:
    match = _HOST.match(text)
    return match is not None and (match["port"] is None or 1 <= int(match["port"]) <= LAST_PORT)


def parse(text: str) -> dict[str, str]:
    """The parts of a reference; raises Refused.

    Members are `name`, where they are given `version` and `digest`, and after `oci://` `host`, `namespace` and
    `repository`, the path in the registry.
    """
    result: dict[str, str] = {}
    rest = text
    in_registry = rest.startswith("oci://")
    if in_registry:
        host, slash, rest = rest.removeprefix("oci://").partition("/")
        if not slash or not _is_host(host):
            raise refuse("SAME1203", "SAME-REF-008", "after oci:// there is no host and a path")
        result["host"] = host
    elif _SCHEME.match(rest):
        raise refuse("SAME1203", "SAME-REF-008", "an address is no reference")
    rest, at, digest = rest.partition("@")
    if at:
        if not _DIGEST.match(digest):
            raise refuse("SAME1203", "SAME-REF-008", "after @ there is no sha256:…")
        result["digest"] = digest
    path, colon, version = rest.partition(":")
    if colon:
        if not versions.is_version(version):
            raise refuse("SAME1202", "SAME-REF-003", f"{version!r} is no version")
        result["version"] = version
    if not is_name(path):
        raise refuse("SAME1201", "SAME-REF-001", f"{path!r} is no name")
    result["name"] = path
    if in_registry:
        namespace, _, name = path.rpartition("/")
        result["name"] = name
        if namespace:
            result["namespace"] = namespace
        result["repository"] = path.lower()
    return result

"""The limits of SAME-BND-034, which only a user raises, call by call (SAME-BND-042)."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

PATH_SEGMENTS = 64


@dataclass(frozen=True)
class Limits:
    """Sizes are bytes. `path` bounds one path, `pax` the content of one PAX header."""

    unpacked: int = 10 * 2**30
    ratio: int = 1000
    entries: int = 100_000
    path: int = 1024
    depth: int = PATH_SEGMENTS
    pax: int = 64 * 2**10
    json: int = 4 * 2**20
    yaml: int = 2**20

    def raised(self, values: dict[str, int] | None) -> "Limits":
        """These limits with the given ones replaced; unknown names raise ValueError."""
        known = {field.name for field in fields(self)}
        for name in values or {}:
            if name not in known:
                raise ValueError(f"no limit is called {name}")
        return replace(self, **(values or {}))

"""Run records: their shape (the schema of SAME-RUN-008 and after it)."""

from __future__ import annotations

import schema

FINAL = ("succeeded", "failed", "timeout", "canceled", "interrupted")
"""Statuses after which a record does not change (SAME-RUN-004)."""


def problems(record: object) -> list[str]:
    """Every way in which a value is no run record, as text."""
    return [f"{'.'.join(map(str, m.path)) or 'record'}: {m.message}" for m in schema.misfits(schema.load("run"), record)]

#!/usr/bin/env python3
"""A second implementation of the format `same/v1`, written from `spec/` alone, in Python's standard library.

Without arguments it is an adapter of the conformance cases: one JSON request on standard input, one JSON reply on
standard output (see conformance/README.md). With arguments it is a tool for people:

    python3 conformance/reference/same_reference.py verify FILE|DIRECTORY
    python3 conformance/reference/same_reference.py unpack FILE|DIRECTORY DIRECTORY
    python3 conformance/reference/same_reference.py pack DIRECTORY FILE

`verify` prints every problem and exits with 7 when there is one, else it prints the three digests. `unpack` writes
the program's files into a directory that is not there or empty. `pack` writes a bundle without runs; a FILE that
ends in .tar is not compressed. No command needs memory for the content of files.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import bundle_reader
import canonical_json
import envelope
import manifest
import packing
import parameter_values
import references
import run_record
import tree
import versions
from bundle_writer import Content
from findings import Finding, Refused, Unsupported, refuse
from limits import Limits

UNPACKED_TIME = 315619200
"""1980-01-02T00:00:00Z (SAME-BND-049)."""


# The adapter


def byte_string(value: dict) -> bytes:
    """A byte string of the protocol."""
    if "text" in value:
        return value["text"].encode("utf-8", "surrogatepass")
    return base64.b64decode(value["base64"], validate=True)


def folder(files: dict) -> dict[str, Content]:
    """Files of the protocol."""
    return {path: Content.of(byte_string(item), item.get("executable", False)) for path, item in files.items()}


def parse(given: dict) -> dict:
    """A document's canonical form."""
    data = byte_string(given["bytes"])
    if given["document"] == "program":
        said = manifest.read(data)
        if said.findings:
            raise Refused(*said.findings)
        return {"canonical": canonical_json.text_of(said.value)}
    if given["document"] == "lock":
        document, problems = packing.read_lock(Content.of(data))
        if problems:
            raise Refused(*problems)
        return {"canonical": canonical_json.text_of(document)}
    try:
        record = canonical_json.read(data)
    except canonical_json.NotJson as error:
        raise refuse("SAME1302", "SAME-RUN-008", f"the record is not valid: {error}") from None
    problems = run_record.problems(record)
    if problems:
        raise refuse("SAME1302", "SAME-RUN-008", f"the record is not valid: {problems[0]}")
    return {"canonical": canonical_json.text_of(record)}


_JSON_CODES = {
    "encoding": ("SAME1011", "SAME-PRG-001"),
    "syntax": ("SAME1001", "SAME-PRG-002"),
    "duplicate": ("SAME1003", "SAME-PRG-004"),
    "value": ("SAME1015", "SAME-PRG-005"),
}


def canonicalize(given: dict) -> dict:
    """The RFC 8785 form of a JSON text."""
    try:
        return {"canonical": canonical_json.text_of(canonical_json.read(byte_string(given["bytes"])))}
    except canonical_json.NotJson as error:
        code, clause = _JSON_CODES[error.kind]
        raise refuse(code, clause, str(error)) from None


def digest(given: dict) -> dict:
    """The digest of bytes or of a tree."""
    if "bytes" in given:
        return {"digest": tree.digest(byte_string(given["bytes"]))}
    rows = [(p, c.executable, c.size, tree.sha256(c.bytes())) for p, c in folder(given["files"]).items()]
    found = tree.tree_digest(rows)
    if found is None:
        raise refuse("SAME1302", "SAME-BND-011", "a tree without files has no digest")
    return {"digest": found}


def pack(given: dict) -> dict:
    """A bundle."""
    program = packing.program(folder(given["files"]))
    ancestors = [packing.program(folder(item["files"])) for item in given.get("ancestors", [])]
    archive = packing.bundle(
        program,
        ancestors,
        given.get("runs", []),
        given.get("history", "all"),
        given.get("origin"),
        {name: byte_string(item) for name, item in given.get("data", {}).items()},
        given.get("sourceDateEpoch"),
    )
    raw = b"".join(archive.write())
    digests = {"program": archive.program, "index": archive.index, "archive": tree.digest(raw)}
    file = b"".join(envelope.gzip([raw])) if given.get("form") == "tgz" else raw
    return {"digests": digests, "archive": {"base64": base64.b64encode(file).decode("ascii")}}


def unpack(given: dict) -> dict:
    """The tree of a bundle."""
    bundle = bundle_reader.read_bytes(byte_string(given["archive"]), Limits().raised(given.get("limits")))
    program = bundle_reader.checked(bundle)
    files = [
        {"path": path, "mode": tree.mode(executable), "size": size, "sha256": sha256}
        for path, executable, size, sha256, _ in bundle_reader.files_of(program)
    ]
    return {"digests": bundle.digests, "files": files}


def verify(given: dict) -> dict:
    """Every problem of a bundle."""
    bundle = bundle_reader.read_bytes(byte_string(given["archive"]), Limits().raised(given.get("limits")))
    result: dict = {"findings": [finding.as_json() for finding in bundle.findings]}
    if bundle.digests:
        result["digests"] = bundle.digests
    return result


def resolve_parameters(given: dict) -> dict:
    """The values of a program's parameters."""
    said = manifest.read(byte_string(given["manifest"]))
    if said.findings:
        raise Refused(*said.findings)
    assert isinstance(said.value, dict)
    file = parameter_values.parse_file(byte_string(given["parametersFile"])) if "parametersFile" in given else None
    values, sources = parameter_values.resolve(
        said.value, given.get("profile"), file, given.get("set", []), given.get("words", [])
    )
    return {"values": values, "sources": sources}


def parse_reference(given: dict) -> dict:
    """The parts of a reference."""
    return references.parse(given["text"])


def compare_versions(given: dict) -> dict:
    """The order of versions."""
    named = given.get("versions", [given.get("a"), given.get("b")])
    wrong = [v for v in named if not versions.is_version(v)]
    if wrong:
        raise Refused(*(Finding("SAME1202", "SAME-REF-003", f"{v!r} is no version") for v in wrong))
    if "versions" in given:
        ordered = versions.ascending(given["versions"])
        tags = [versions.tag(version) for version in ordered]
        return {"sorted": ordered, "chosen": versions.chosen(ordered), "tags": tags}
    return {"order": versions.compare(given["a"], given["b"])}


VERBS: dict[str, Callable[[dict], dict]] = {
    "parse": parse,
    "canonicalize": canonicalize,
    "digest": digest,
    "pack": pack,
    "unpack": unpack,
    "verify": verify,
    "resolve-parameters": resolve_parameters,
    "parse-reference": parse_reference,
    "compare-versions": compare_versions,
}


def answer(request: dict) -> dict:
    """The reply to a request."""
    verb = VERBS.get(request.get("verb", ""))
    if request.get("protocol") != 1 or verb is None:
        return {"unsupported": "does not run programs and knows no other verbs or protocols"}
    try:
        return {"ok": True, "result": verb(request["input"])}
    except Refused as refusal:
        return {"ok": False, "findings": [finding.as_json() for finding in refusal.findings]}
    except Unsupported as reason:
        return {"unsupported": str(reason)}


# The tool for people


def _open(path: Path) -> bundle_reader.Bundle:
    bundle = bundle_reader.Bundle(Limits())
    if path.is_dir():
        return bundle.read_directory(path)
    return bundle.read_file(open(path, "rb"), path.stat().st_size)


def _exit_code(code: str) -> int:
    """The exit code of a finding, as the chapter on errors lists it (SAME-ERR-006)."""
    chapter = Path(__file__).resolve().parents[2] / "spec" / "v1" / "errors.md"
    row = re.search(rf"^\| `{code}` \| ([0-9]+) \|", chapter.read_text("utf-8"), re.MULTILINE)
    return int(row[1]) if row else 70


def _show(findings: list[Finding]) -> None:
    for finding in findings:
        place = f" ({finding.place})" if finding.place else ""
        line = f"{finding.code} {finding.clause or ''} {finding.message}{place}"
        print("".join(c if c.isprintable() else "?" for c in line), file=sys.stderr)


def command_verify(path: Path) -> int:
    """Report every problem of a bundle (SAME-BND-048)."""
    bundle = _open(path)
    if bundle.findings:
        _show(bundle.findings)
        return 7
    for name, value in bundle.digests.items():
        print(f"{name:8} {value}")
    return 0


def command_unpack(path: Path, target: Path) -> int:
    """Write the program's files (SAME-BND-049, SAME-BND-050)."""
    program = bundle_reader.checked(_open(path))
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise refuse("SAME1403", "SAME-BND-050", f"{target} is there and not empty")
    was_there = target.exists()
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name, executable, _, _, content in bundle_reader.files_of(program):
            place = target / name
            place.parent.mkdir(parents=True, exist_ok=True)
            with open(place, "xb") as file:
                for chunk in content():
                    file.write(chunk)
            os.chmod(place, tree.mode(executable))
            os.utime(place, (UNPACKED_TIME, UNPACKED_TIME))
    except BaseException:
        for item in list(target.iterdir()) if target.is_dir() else []:
            shutil.rmtree(item) if item.is_dir() else item.unlink()
        if not was_there and target.is_dir():
            target.rmdir()
        raise
    return 0


def _read(path: Path) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            yield chunk


def command_pack(directory: Path, target: Path) -> int:
    """Write a bundle of a directory's program, without runs."""
    files = {}
    for base, directories, names in os.walk(directory):
        if Path(base) == directory and ".git" in directories:
            directories.remove(".git")
        for name in [*names, *(d for d in directories if (Path(base) / d).is_symlink())]:
            full = Path(base) / name
            path = full.relative_to(directory).as_posix()
            if full.is_symlink() or not full.is_file():
                raise refuse("SAME1210", "SAME-PRG-041", "is no regular file", path)
            status = full.stat()
            executable = bool(status.st_mode & 0o100)
            files[path] = Content(status.st_size, executable, lambda full=full: _read(full))
    program = packing.program(files)
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    archive = packing.bundle(program, [], [], source_date_epoch=epoch)
    chunks = archive.write()
    try:
        with open(target, "xb") as file:
            for chunk in chunks if target.suffix == ".tar" else envelope.gzip(chunks):
                file.write(chunk)
    except FileExistsError:
        raise refuse("SAME1403", "SAME-REF-032", f"{target} is there") from None
    print(archive.program)
    return 0


def main(arguments: list[str]) -> int:
    """Answer one request, or do one command."""
    if not arguments:
        request = json.loads(sys.stdin.buffer.read())
        sys.stdout.write(json.dumps(answer(request)) + "\n")
        return 0
    parser = argparse.ArgumentParser(
        prog="same_reference.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, first, second in (
        ("verify", "bundle", None),
        ("unpack", "bundle", "directory"),
        ("pack", "directory", "file"),
    ):
        command = commands.add_parser(name)
        command.add_argument(first, type=Path)
        if second:
            command.add_argument(second, type=Path)
    given = parser.parse_args(arguments)
    try:
        if given.command == "verify":
            return command_verify(given.bundle)
        if given.command == "unpack":
            return command_unpack(given.bundle, given.directory)
        return command_pack(given.directory, given.file)
    except Refused as refusal:
        _show(refusal.findings)
        return _exit_code(refusal.findings[0].code)
    except Unsupported as reason:
        print(f"not supported: {reason}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.setrecursionlimit(10_000)
    sys.exit(main(sys.argv[1:]))

"""Where the files of a bundle lie: copies beside the blobs, and the order of all (SAME-BND-019, SAME-BND-022)."""

from __future__ import annotations

import bundle_writer
import objects
import tree
from bundle_content import BLOB, BundleContent
from bundle_parts import Program, hash_of


def check_copies(bundle: BundleContent, program: Program) -> None:
    """SAME-BND-022: which copies there are, and that each is one."""
    wanted: dict[str, str | None] = {"REPRODUCING.md": _constant_hash()}
    if program.source is not None:
        wanted["same.yaml"] = hash_of(program.source)
    if program.lock_bytes is not None:
        wanted["same.lock"] = tree.sha256(program.lock_bytes)
    if program.whole:
        for name in objects.COPIES:
            file = program.files.get(name)
            if file is not None and file.size <= objects.COPY_LIMIT:
                wanted[name] = file.sha256
    for name, digest in wanted.items():
        member = bundle.members.get(name)
        if member is None:
            if name not in bundle.refused and not bundle.cut:
                bundle.find("SAME1302", "SAME-BND-022", "a root copy is missing", name)
        elif hash_of(member.content) != digest:
            bundle.find("SAME1302", "SAME-BND-022", "a root copy differs from what it is a copy of", name)
        if member is not None and member.executable:
            bundle.find("SAME1302", "SAME-BND-022", "a root copy is executable", name)
    possible = set() if program.whole and bundle.all_read else {"same.yaml", "same.lock", *objects.COPIES}
    for path in bundle.members:
        if path in wanted or path in ("oci-layout", "index.json") or path.startswith("blobs/"):
            continue
        if path not in possible:
            bundle.find("SAME1302", "SAME-BND-022", "a file beside the blobs is no copy of anything", path)
    copies = sorted(name for name in wanted if name in bundle.members)
    copies += sorted(name for name in possible if name in bundle.members and name not in wanted)
    bundle.expected[:0] = ["oci-layout", "index.json", *sorted(copies)]


def check_order(bundle: BundleContent) -> None:
    """SAME-BND-019: no entry is executable, none belongs to nothing, and all are in their order."""
    for path, member in bundle.members.items():
        if member.executable and (path.startswith("blobs/") or path in ("oci-layout", "index.json")):
            bundle.find("SAME1302", "SAME-BND-019", "is executable", path)
        if path.startswith("blobs/") and not BLOB.match(path):
            bundle.find("SAME1302", "SAME-BND-019", "belongs to nothing in the index", path)
    if not bundle.all_read or bundle.program is None:
        return
    known = set(bundle.expected)
    for path in bundle.members:
        if BLOB.match(path) and path not in known:
            bundle.find("SAME1302", "SAME-BND-019", "belongs to nothing in the index", path)
    if bundle.order is not None:
        wanted = [path for path in bundle.expected if path in bundle.members]
        if [path for path in bundle.order if path in known] != wanted:
            bundle.find("SAME1302", "SAME-BND-019", "the entries are not in their order")


def _constant_hash() -> str:
    return tree.sha256(bundle_writer.REPRODUCING.read_bytes())

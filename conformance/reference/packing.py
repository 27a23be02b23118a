"""Making programs from folders: which files are packed, and what is refused (SAME-PRG-025 to SAME-PRG-051)."""

from __future__ import annotations

import hashlib
import re

import bundle_writer
import canonical_json
import envelope
import lock
import manifest
import objects
import path_patterns
import paths
import program_paths
import run_record
import tree
import versions
from bundle_writer import Archive, Content, Packed
from findings import Finding, Refused, Unsupported, refuse
from limits import Limits

_SECRET_NAMES = re.compile(
    r"\.env(\.(?!(example|sample|template|dist|defaults)\Z).+)?|id_(rsa|dsa|ecdsa|ed25519)"
    r"|\.netrc|\.git-credentials|\.pgpass|\.htpasswd",
    re.DOTALL,
)
_PRIVATE_KEY = re.compile(
    rb"^-----BEGIN [^\r\n]*PRIVATE KEY-----[ \t]*\r?\n(?:.*\n)*?[A-Za-z0-9+/]{16}", re.MULTILINE
)


def program(files: dict[str, Content], limits: Limits = Limits()) -> Packed:
    """The program of a folder's files, which include `same.yaml`. Raises Refused with all problems."""
    if "same.yaml" not in files:
        raise refuse("SAME1205", "SAME-REF-021", "there is no same.yaml")
    source = files["same.yaml"]
    said = manifest.read(source.bytes() if source.size <= limits.yaml + 1 else bytes(limits.yaml + 1))
    if said.findings:
        raise Refused(*said.findings)
    value = said.value
    assert isinstance(value, dict)
    if "upstream" in value:
        raise Unsupported("does not fetch upstreams")
    patterns = value.get("files", {}).get("exclude", [])
    code = {
        path: content
        for path, content in files.items()
        if path not in ("same.yaml", "same.lock")
        and path.split("/")[0] != ".git"
        and not any(path_patterns.matches(pattern, path) for pattern in patterns)
        and not is_bundle(content)
    }
    found = list(path_findings(code, limits))
    found += secret_findings(code, value.get("files", {}).get("allowSecret", []))
    found += file_findings(value, code)
    locked = None
    if "same.lock" in files:
        locked, problems = read_lock(files["same.lock"])
        found += problems
        if locked is not None and not problems:
            found += lock_findings(value, locked, code)
    if found:
        raise Refused(*found)
    missing = [name for name in lock.open_environments(value) if name not in (locked or {}).get("environments", {})]
    if missing:
        raise Unsupported(f"does not lock environments, and {missing[0]} is not locked")
    return bundle_writer.program(value, source, locked, code)


def is_bundle(content: Content) -> bool:
    """Whether a file is itself a bundle, which is not packed (SAME-PRG-051)."""
    head = b""
    for chunk in content.read():
        head += chunk
        if len(head) >= 4096:
            break
    if head[:2] == b"\x1f\x8b":
        import zlib

        try:
            head = zlib.decompressobj(wbits=31).decompress(head, 512)
        except zlib.error:
            return False
    elif head[:4] == b"\x28\xb5\x2f\xfd":
        return False
    return head.startswith(envelope.LAYOUT) and head[257:262] == b"ustar"


def path_findings(code: dict[str, Content], limits: Limits) -> list[Finding]:
    """Paths and limits that a reader would refuse (SAME-BND-051, SAME-PRG-041)."""
    found = []
    siblings = paths.Siblings()
    total = 0
    for path in sorted(code, key=lambda p: p.encode("utf-8", "surrogatepass")):
        total += code[path].size
        why = paths.refusal(path)
        if why is None and (len(path.encode("utf-8")) > limits.path or path.count("/") + 1 > limits.depth):
            found.append(Finding("SAME1304", "SAME-BND-034", "the path is over the limit", path))
            continue
        why = why or siblings.add(path)
        if why is not None:
            found.append(Finding("SAME1210", "SAME-PRG-041", f"the path {why}", path))
    if len(code) > limits.entries or total > limits.unpacked:
        found.append(Finding("SAME1304", "SAME-BND-034", "the files are more than the limits allow"))
    return found


def secret_findings(code: dict[str, Content], allowed: list[str]) -> list[Finding]:
    """Files that look like secrets (SAME-PRG-042)."""
    found = []
    for path, content in code.items():
        if path in allowed:
            continue
        if _SECRET_NAMES.fullmatch(path.rsplit("/", 1)[-1]) or _holds_private_key(content):
            found.append(Finding("SAME1213", "SAME-PRG-042", "looks like a secret", path))
    return found


def _holds_private_key(content: Content) -> bool:
    """Whether a file holds no NUL and the beginning of a private key before a line of base64."""
    data = b""
    found = False
    for chunk in content.read():
        if b"\0" in chunk:
            return False
        # Enough of what came before to see a key that lies across two pieces.
        data = data[-4096:] + chunk
        found = found or (b"PRIVATE KEY-----" in data and _PRIVATE_KEY.search(data) is not None)
    return found


def _is_there(path: str, code: dict[str, Content]) -> bool:
    parts = program_paths.place_parts(path)
    joined = "/".join(parts)
    return not parts or any(name == joined or name.startswith(joined + "/") for name in code)


def file_findings(value: dict, code: dict[str, Content]) -> list[Finding]:
    """Paths of the manifest that lead to no packed file (SAME-PRG-025, SAME-PIP-004)."""
    found = []
    for name, pointer in value.get("data", {}).items():
        if not program_paths.ADDRESS.match(pointer["uri"]) and not _is_there(pointer["uri"], code):
            found.append(Finding("SAME1009", "SAME-PRG-025", f"data.{name}: {pointer['uri']} is not packed"))
        elif not program_paths.ADDRESS.match(pointer["uri"]) and "digest" in pointer:
            found += data_findings(name, pointer, code)
    for name, environment in value.get("environments", {}).items():
        named = [environment.get("python", {}).get("requirements"), environment.get("dockerfile")]
        named += [environment.get(language, {}).get("lock") for language in ("python", "r", "node")]
        for path in named:
            if path is not None and "/".join(program_paths.place_parts(path)) not in code:
                found.append(Finding("SAME1009", "SAME-PRG-025", f"environments.{name}: {path} is not packed"))
    for group in ("steps", "finally"):
        for name, step in value["pipeline"].get(group, {}).items():
            for pattern in step.get("code", []):
                if not any(path_patterns.matches(pattern, path) for path in code):
                    found.append(Finding("SAME1009", "SAME-PIP-004", f"{name}: {pattern} matches no packed file"))
    return found


def data_findings(name: str, pointer: dict, code: dict[str, Content]) -> list[Finding]:
    """Data in the program's files whose digest is stated and differs (SAME-PRG-024)."""
    joined = "/".join(program_paths.place_parts(pointer["uri"]))
    if joined in code:
        digest = tree.digest(code[joined].bytes())
    else:
        prefix = joined + "/" if joined else ""
        below = [(p[len(prefix) :], c) for p, c in code.items() if p.startswith(prefix)]
        rows = [(p, c.executable, c.size, tree.sha256(c.bytes())) for p, c in below]
        digest = tree.tree_digest(rows) or ""
    if digest == pointer["digest"]:
        return []
    return [Finding("SAME1301", "SAME-PRG-024", f"data.{name}: has the digest {digest}")]


def read_lock(content: Content) -> tuple[dict | None, list[Finding]]:
    """What `same.lock` holds (SAME-PRG-045)."""
    try:
        document = canonical_json.read(content.bytes())
    except canonical_json.NotJson as error:
        return None, [Finding("SAME1505", "SAME-PRG-045", f"same.lock is not valid: {error}", "same.lock")]
    problems = lock.problems(document)
    return (None, problems) if problems else (document, [])  # type: ignore[return-value]


def lock_findings(value: dict, locked: dict, code: dict[str, Content]) -> list[Finding]:
    """What a lock says that the manifest does not leave open, or that is out of date (SAME-PRG-045, SAME-PRG-050)."""
    found = []
    open_ones = lock.open_environments(value)
    for name, platforms in locked.get("environments", {}).items():
        if name not in open_ones:
            found.append(Finding("SAME1505", "SAME-PRG-050", f"environment {name} is not left open", "same.lock"))
            continue
        python = open_ones[name]
        requirements = None
        if "requirements" in python:
            requirements = requirement_texts("/".join(program_paths.place_parts(python["requirements"])), code)
        wanted = lock.locked_of(python["version"], requirements, python.get("packages"))
        for platform, entry in platforms.items():
            if entry["of"] != wanted or entry["python"] != python["version"]:
                message = f"environment {name} was locked of something else for {platform}"
                found.append(Finding("SAME1503", "SAME-PRG-050", message, "same.lock"))
    for name in locked.get("data", {}):
        pointer = value.get("data", {}).get(name)
        if pointer is None or "digest" in pointer or pointer.get("mutable"):
            found.append(Finding("SAME1505", "SAME-PRG-050", f"data {name} is not left open", "same.lock"))
    return found


def requirement_texts(path: str, code: dict[str, Content]) -> dict[str, str]:
    """The texts of a requirements file and of those that it includes, by path (SAME-PRG-050)."""
    texts: dict[str, str] = {}
    pending = [path]
    while pending:
        here = pending.pop()
        if here in texts or here not in code:
            continue
        text = code[here].bytes().decode("utf-8", "replace")
        texts[here] = text
        base = here.rpartition("/")[0]
        for line in text.splitlines():
            included = re.match(r"\s*(?:-r|-c|--requirement|--constraint)[\s=]*(\S+)", line)
            if included:
                parts: list[str] = base.split("/") if base else []
                for part in included[1].split("/"):
                    if part == "..":
                        parts = parts[:-1]
                    elif part not in ("", "."):
                        parts.append(part)
                pending.append("/".join(parts))
    return texts


def choose_runs(records: list[dict], chain: list[Packed], history: str) -> list[dict]:
    """The runs that travel (SAME-BND-026)."""
    digests = [packed.digest for packed in chain]
    own = [record for record in records if record.get("program", {}).get("digest") in digests]
    succeeded = [record for record in own if record.get("status") == "succeeded"]
    if history == "none":
        return []
    if history == "all":
        return succeeded
    if history == "latest":
        of_program = [record for record in succeeded if record["program"]["digest"] == digests[0]]
        candidates = of_program or succeeded
        return [max(candidates, key=lambda record: record["id"])] if candidates else []
    chosen = []
    for wanted in history.split(","):
        found = [r for r in own if r["id"] == wanted and r["status"] in run_record.FINAL]
        if not found:
            raise refuse("SAME1608", "SAME-BND-026", f"no run has the id {wanted}")
        chosen += found
    return chosen


def bundle(
    program_: Packed,
    ancestors: list[Packed],
    records: list[dict],
    history: str = "all",
    origin: dict | None = None,
    data: dict[str, bytes] | None = None,
    source_date_epoch: str | None = None,
) -> Archive:
    """The archive of a program with what travels along."""
    chain = [program_]
    for ancestor in ancestors:
        chain.append(ancestor)
    runs = choose_runs(records, chain, history)
    by_digest = {packed.digest: packed for packed in chain}
    objects_: list[Packed] = []
    farthest = 0
    for record in runs:
        problems = run_record.problems(record)
        if problems:
            raise refuse("SAME1302", "SAME-BND-038", f"a record is not valid: {problems[0]}")
        subject = by_digest[record["program"]["digest"]]
        farthest = max(farthest, chain.index(subject))
        objects_.append(bundle_writer.run(record, subject))
    if origin is not None:
        why = objects.origin_problem(origin)
        if why is not None:
            raise refuse("SAME1302", "SAME-BND-053", why)
        objects_.append(bundle_writer.origin(origin, program_))
    if data:
        objects_.append(bundle_writer.data(checked_data(program_.document, data), program_))
    return bundle_writer.archive(program_, chain[1 : farthest + 1], objects_, source_date_epoch)


def checked_data(value: dict, data: dict[str, bytes]) -> dict[str, bytes]:
    """Content of data that may travel (SAME-BND-046, SAME-BND-047)."""
    found = []
    for name, content in data.items():
        pointer = value.get("data", {}).get(name)
        if pointer is None:
            found.append(Finding("SAME1009", "SAME-BND-047", f"no data is called {name}"))
        elif pointer.get("carry") == "never":
            found.append(Finding("SAME1005", "SAME-BND-029", f"{name} is never carried"))
        elif pointer.get("digest") != "sha256:" + hashlib.sha256(content).hexdigest():
            found.append(Finding("SAME1301", "SAME-BND-047", f"{name} has another digest than is stated"))
    if found:
        raise Refused(*found)
    return data


def file_name(value: dict) -> str:
    """The portable name of a bundle's file (SAME-REF-029)."""
    metadata = value["metadata"]
    return f"{metadata['name'].replace('/', '-')}-{versions.tag(metadata['version'])}.tgz"

import { type Finding, SameError } from '../errors/same-error.ts';

/** One package pinned by version and hashes. */
export interface LockedPackage {
  /** Normalised (PEP 503). */
  name: string;
  version: string;
  /** `sha256:…`, sorted; a file of the package must have one of them. */
  hashes: string[];
  /** An environment marker (PEP 508): elsewhere the package is not installed. */
  marker?: string;
}

const hashLengths: Record<string, number> = { sha256: 64, sha384: 96, sha512: 128 };
const requirement =
  /^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\]\s*)?==\s*([A-Za-z0-9][A-Za-z0-9.+!_-]*)\s*(?:;\s*(.+))?$/s;

/** A package's name as indexes compare it: lower case, runs of `-`, `_`, `.` as one `-`. */
export function normalisedName(name: string): string {
  return name.replace(/[-_.]+/g, '-').toLowerCase();
}

/**
 * Reads a requirements file that is a lock: each line names one version with `==` and at least one `--hash`.
 * @throws SAME1505 with every line that is not so
 */
export function parseHashedRequirements(bytes: Uint8Array, file: string): LockedPackage[] {
  const findings: Finding[] = [];
  const packages: LockedPackage[] = [];
  const seen = new Map<string, LockedPackage>();
  for (const { text, line } of logicalLines(decode(bytes, file))) {
    const refuse = (message: string, hint?: string) =>
      findings.push({ code: 'SAME1505', message, place: `${file}:${line}`, ...(hint ? { hint } : {}) });
    const parsed = parseLine(text);
    if (typeof parsed === 'string') {
      refuse(
        parsed,
        'every line of a lock reads NAME==VERSION --hash=sha256:…, as pip-compile --generate-hashes writes it',
      );
      continue;
    }
    const before = seen.get(parsed.name);
    if (before && (before.marker === undefined || parsed.marker === undefined)) {
      refuse(`${parsed.name} is locked twice`);
      continue;
    }
    seen.set(parsed.name, parsed);
    packages.push(parsed);
  }
  if (findings.length > 0) throw new SameError(findings);
  return sortPackages(packages);
}

/** Sorted by name, then version and marker, by code unit. */
export function sortPackages<T extends LockedPackage>(packages: readonly T[]): T[] {
  const key = ({ name, version, marker }: LockedPackage) => `${name}\0${version}\0${marker ?? ''}`;
  return packages.toSorted((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
}

/** The requirements file that installs exactly these packages. */
export function renderHashedRequirements(packages: readonly LockedPackage[]): string {
  return packages
    .map(({ name, version, hashes, marker }) => {
      const wanted = marker === undefined ? `${name}==${version}` : `${name}==${version} ; ${marker}`;
      return `${[wanted, ...hashes.map((hash) => `--hash=${hash}`)].join(' \\\n    ')}\n`;
    })
    .join('');
}

/** Lines with comments removed and continuations joined, each with the number of its first line. */
export function logicalLines(text: string): { text: string; line: number }[] {
  const lines: { text: string; line: number }[] = [];
  let pending: { text: string; line: number } | undefined;
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const comment = raw.search(/(?<!\S)#/);
    const continues = comment < 0 && raw.endsWith('\\');
    const part = (continues ? raw.slice(0, -1) : comment < 0 ? raw : raw.slice(0, comment)).trim();
    pending = pending
      ? { text: `${pending.text} ${part}`, line: pending.line }
      : { text: part, line: index + 1 };
    if (continues) continue;
    if (pending.text.trim() !== '') lines.push({ ...pending, text: pending.text.trim() });
    pending = undefined;
  }
  if (pending && pending.text !== '') lines.push(pending);
  return lines;
}

function parseLine(text: string): LockedPackage | string {
  if (text.startsWith('-')) return `option ${text.split(/[\s=]/)[0]} is not allowed in a lock`;
  const at = text.search(/\s--?[A-Za-z]/);
  const wanted = (at < 0 ? text : text.slice(0, at)).trim();
  if (/:\/\/|@|^[./]/.test(wanted.split(';')[0]!))
    return `"${wanted}" is a URL or path, which a lock may not name`;
  const match = requirement.exec(wanted);
  if (!match) return `"${wanted}" does not name one version with ==`;
  const hashes: string[] = [];
  const options = at < 0 ? [] : text.slice(at).split(/\s(?=-)/);
  for (const option of options.map((each) => each.trim()).filter((each) => each !== '')) {
    const hash = /^--hash[=\s]\s*([a-z0-9]+):([0-9a-f]+)$/.exec(option);
    if (!hash)
      return `option ${option.split(/[\s=]/)[0]} of ${match[1]} is not allowed in a lock, or not a valid hash`;
    if (hashLengths[hash[1]!] !== hash[2]!.length)
      return `"${hash[1]}:${hash[2]}" is no sha256, sha384 or sha512 hash`;
    hashes.push(`${hash[1]}:${hash[2]}`);
  }
  if (hashes.length === 0) return `${match[1]}==${match[2]} has no --hash`;
  return {
    name: normalisedName(match[1]!),
    version: match[2]!,
    hashes: [...new Set(hashes)].sort(),
    ...(match[3] === undefined ? {} : { marker: match[3].trim() }),
  };
}

function decode(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new SameError({ code: 'SAME1505', message: `${file} is not UTF-8`, place: file });
  }
}

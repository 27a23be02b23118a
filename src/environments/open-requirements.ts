import { posix } from 'node:path';
import { type Finding, SameError } from '../errors/same-error.ts';
import type { Environment } from '../program/schema.ts';
import { logicalLines } from './hashed-requirements.ts';

/** Requirements files by path below one directory; `root` is the one to start with. */
export interface OpenRequirements {
  root: string;
  files: Map<string, Buffer>;
}

const MAX_FILES = 100;
const PACKAGES_FILE = '.same-packages.txt';
const nested = /^(?:-r|-c|--requirement|--constraint)(?:\s+|=|(?=\S))(.+)$/;

/**
 * Collects what an environment asks for: its `requirements` file with all that it includes, or its `packages`.
 * @throws SAME1505 with every line that names a URL, a path or an option: resolving must execute nothing of the program
 */
export async function openRequirements(
  python: NonNullable<Environment['python']>,
  readFile: (path: string) => Promise<Buffer | undefined>,
): Promise<OpenRequirements> {
  const files = new Map<string, Buffer>();
  const findings: Finding[] = [];
  const check = (text: string, file: string): string[] =>
    logicalLines(text).flatMap(({ text: line, line: number }) => {
      const included = nested.exec(line)?.[1]?.trim();
      const problem = included === undefined ? problemOf(line) : undefined;
      if (problem) {
        findings.push({
          code: 'SAME1505',
          message: problem.message,
          place: `${file}:${number}`,
          hint: problem.hint,
        });
      }
      if (included === undefined) return [];
      const path = posix.normalize(posix.join(posix.dirname(file), included));
      if (!posix.isAbsolute(included) && !path.startsWith('..') && !included.includes(':')) return [path];
      findings.push({
        code: 'SAME1505',
        message: `"${included}" leaves the program`,
        place: `${file}:${number}`,
      });
      return [];
    });
  if (python.requirements === undefined) {
    const text = `${(python.packages ?? []).join('\n')}\n`;
    files.set(PACKAGES_FILE, Buffer.from(text));
    check(text, 'same.yaml packages');
  } else {
    const waiting = [posix.normalize(python.requirements)];
    for (let path = waiting.pop(); path !== undefined && files.size < MAX_FILES; path = waiting.pop()) {
      if (files.has(path)) continue;
      const bytes = await readFile(path);
      if (!bytes) {
        findings.push({
          code: 'SAME1505',
          message: `requirements file ${path} is not in the program`,
          place: path,
        });
        continue;
      }
      files.set(path, bytes);
      waiting.push(...check(bytes.toString('utf8'), path));
    }
  }
  if (findings.length > 0) throw new SameError(findings);
  return {
    root: python.requirements === undefined ? PACKAGES_FILE : posix.normalize(python.requirements),
    files,
  };
}

function problemOf(line: string): { message: string; hint: string } | undefined {
  const option = /^(-[A-Za-z]|--[A-Za-z-]+)/.exec(line)?.[1];
  if (option && !['--pre', '--prefer-binary'].includes(option)) {
    return {
      message: `option ${option} is not allowed in a program's requirements`,
      hint: 'which index to use is up to your own pip configuration: a program names packages and versions only',
    };
  }
  if (/:\/\/|(^|\s|\])@\s|^[./~]|^\w+:/.test(line.split(/\s;/)[0]!) || /^[A-Za-z0-9._-]+@/.test(line)) {
    return {
      message: `"${line}" is a URL or path, which a lock cannot hold`,
      hint: 'name it by version from a package index, or carry its source in the program',
    };
  }
  return undefined;
}

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of small wheels that pip is told to use instead of any index, and a directory for environments. */
export interface Rig {
  root: string;
  environments: string;
  /** Makes `NAME-VERSION-py3-none-any.whl`. @returns its hash, `sha256:…` */
  wheel(name: string, version: string, options?: { requires?: string[] }): string;
  [Symbol.dispose](): void;
}

/** `major.minor` of the machine's python3. */
export const minor = execFileSync('python3', ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])'], {
  encoding: 'utf8',
}).trim();

const MAKE_WHEEL = `
import sys, zipfile
path, name, version, requires = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
info = "%s-%s.dist-info/" % (name, version)
files = {
    name + ".py": "VERSION = %r\\n" % version,
    info + "METADATA": "Metadata-Version: 2.1\\nName: %s\\nVersion: %s\\n%s"
        % (name, version, "".join("Requires-Dist: %s\\n" % r for r in requires)),
    info + "WHEEL": "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
}
files[info + "RECORD"] = "".join("%s,,\\n" % f for f in list(files) + [info + "RECORD"])
with zipfile.ZipFile(path, "w") as wheel:
    for file, text in files.items():
        wheel.writestr(zipfile.ZipInfo(file), text)
`;

/** Opens a rig; pip's settings of this process point to it. */
export function openRig(): Rig {
  const root = mkdtempSync(join(tmpdir(), 'same-environments-'));
  const wheels = join(root, 'wheels');
  mkdirSync(wheels);
  process.env.PIP_FIND_LINKS = wheels;
  process.env.PIP_NO_INDEX = '1';
  return {
    root,
    environments: join(root, 'environments'),
    wheel(name, version, { requires = [] } = {}) {
      const path = join(wheels, `${name}-${version}-py3-none-any.whl`);
      execFileSync('python3', ['-c', MAKE_WHEEL, path, name, version, ...requires]);
      return `sha256:${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
    },
    [Symbol.dispose]() {
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** A directory with executable scripts by name. */
export function scripts(root: string, texts: Record<string, string>): string {
  const directory = mkdtempSync(join(root, 'bin-'));
  for (const [name, text] of Object.entries(texts)) {
    writeFileSync(join(directory, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  }
  return directory;
}

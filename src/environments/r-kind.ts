import { canonicalBytes, sha256 } from '../bundle/canonical-json.ts';
import { SameError } from '../errors/same-error.ts';
import { delimiter, dirname } from '../host/files.ts';
import type { Environment } from '../program/schema.ts';
import { locateCommand } from './command.ts';
import type { EnvironmentFinding, EnvironmentsOptions, Prepared } from './environment.ts';
import { isWanted, parseRenvLock, type WantedPackage, wantedPackages } from './r-lock.ts';
import { systemPath } from './system-path.ts';
import { runTool } from './tool-process.ts';

type R = NonNullable<Environment['r']>;

/** What of R is on this machine. */
interface FoundR {
  /** `4.2.2`; undefined when there is no Rscript. */
  version?: string;
  /** Directory of its Rscript. */
  bin?: string;
  /** Of the packages asked for, those that are installed. */
  packages: Record<string, string>;
}

const ASK_TIMEOUT_MS = 60_000;
// One line of the version, then one for each package that is there.
const ASK = `a <- commandArgs(TRUE)
cat(as.character(getRversion()), "\\n", sep = "")
for (p in a) {
  v <- suppressWarnings(utils::packageDescription(p, fields = "Version"))
  if (!is.na(v)) cat(p, " ", v, "\\n", sep = "")
}`;

/** The key of an environment of R that has a lock, without looking at this machine. @throws SAME1505 */
export async function rLock(
  name: string,
  r: R,
  options: EnvironmentsOptions,
): Promise<Pick<Prepared, 'key' | 'locked' | 'resolved'> | undefined> {
  const packages = await lockedPackages(name, r, options);
  if (!packages) return undefined;
  const key = sha256(canonicalBytes({ r: r.version, packages }));
  return { key: `lock:${key}`, locked: true, resolved: { packages } };
}

/** Looks whether what an environment of R wants is installed; installs nothing. @throws SAME1505, SAME1701 */
export async function prepareR(name: string, r: R, options: EnvironmentsOptions): Promise<Prepared> {
  const { found, findings } = await compare(name, r, options);
  if (findings.length > 0 && !options.allowUnmet) throw new SameError(findings);
  const lock = await rLock(name, r, options);
  const { packages } = found;
  const isAsLocked = lock !== undefined && findings.length === 0;
  const frozen = sha256(canonicalBytes({ r: found.version ?? 'none', packages }));
  return {
    kind: 'r',
    bin: found.bin === undefined ? [] : [found.bin],
    key: isAsLocked ? lock.key : `freeze:${frozen}`,
    locked: isAsLocked,
    resolved: { r: found.version ?? 'none', packages },
  };
}

/** What of R is missing or of another version, all at once. @throws SAME1505 */
export async function checkR(
  name: string,
  r: R,
  options: EnvironmentsOptions,
): Promise<EnvironmentFinding[]> {
  return (await compare(name, r, options)).findings;
}

async function compare(
  name: string,
  r: R,
  options: EnvironmentsOptions,
): Promise<{ found: FoundR; findings: EnvironmentFinding[] }> {
  const wanted = wantedPackages(r, await lockedPackages(name, r, options));
  const found = await findR(
    wanted.map((each) => each.name),
    options.signal,
  );
  const findings: EnvironmentFinding[] = [];
  if (found.version === undefined || !found.version.startsWith(`${r.version}.`)) {
    const have = found.version === undefined ? 'none' : `R ${found.version}`;
    findings.push({
      code: 'SAME1701',
      message: `R: want ${r.version}, have ${have}`,
      what: 'interpreter',
      want: `R ${r.version}`,
      have,
      hint: `install R ${r.version} and put its Rscript on PATH`,
    });
  }
  for (const each of wanted) {
    const version = found.packages[each.name];
    if (version === undefined || !isWanted(version, each)) findings.push(unmetPackage(each, version));
  }
  return { found, findings };
}

function unmetPackage({ name, want }: WantedPackage, version: string | undefined): EnvironmentFinding {
  const wanted = want === '' ? 'any version' : want.replace(/^==/, '');
  return {
    code: 'SAME1701',
    message: `R package ${name}: want ${wanted}, have ${version ?? 'none'}`,
    what: 'package',
    want: `R package ${name}${want === '' ? '' : ` ${want.replace(/^==/, '')}`}`,
    have: version === undefined ? 'none' : `${name} ${version}`,
    hint: `install it, for instance with: Rscript -e 'install.packages("${name}")'; for one version: remotes::install_version`,
  };
}

/** Asks the Rscript that steps find, as they find it: with the machine's libraries and none of this user's. */
async function findR(names: readonly string[], signal?: AbortSignal): Promise<FoundR> {
  const path = await systemPath(['Rscript'], signal);
  const file = locateCommand('Rscript', path);
  if (!file) return { packages: {} };
  const result = await runTool([file, '-e', ASK, ...names], {
    timeoutMs: ASK_TIMEOUT_MS,
    signal,
    only: { PATH: path.join(delimiter), LANG: 'C.UTF-8', HOME: '/nonexistent' },
  });
  const [version, ...lines] = result.stdout.trim().split('\n');
  if (result.exitCode !== 0 || !version || !/^[0-9]+\.[0-9]+/.test(version)) return { packages: {} };
  const packages = lines.map((line) => line.split(' ') as [string, string]);
  return { version, bin: dirname(file), packages: Object.fromEntries(packages) };
}

async function lockedPackages(
  name: string,
  r: R,
  { readCode }: EnvironmentsOptions,
): Promise<Record<string, string> | undefined> {
  if (r.lock === undefined) return undefined;
  const bytes = await readCode(r.lock);
  if (bytes) return parseRenvLock(bytes, r.lock, r.version);
  throw new SameError({
    code: 'SAME1505',
    message: `lock ${r.lock} of environment "${name}" is not in the program`,
    place: r.lock,
  });
}

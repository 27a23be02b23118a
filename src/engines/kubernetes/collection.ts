import {
  chmodSync,
  dirname,
  existsSync,
  join,
  lstatSync,
  makeDirectories,
  mkdtempSync,
  readIfThere,
  removeTree,
  renameSync,
  resolve,
  symlinkSync,
  writeFileSync,
} from '../../host/files.ts';
import type { RunningCommand } from '../attempt/running-command.ts';
import type { StepAttempt, Workspace } from '../attempt/step-attempt.ts';
import type { Carrier } from './carrier.ts';
import { type ExitRecord, parseExitRecord } from './exit-record.ts';
import { ROOT } from './step-container.ts';

/** Below what an attempt leaves: how it ended, its logs and reports. */
const ACCOUNT = '.same';
const MOST_STRAYS = 100;
const REPORTS = ['metrics.json', 'metrics.jsonl'];

/** What came back of an attempt. */
export interface Collected {
  /** What its shim says of its end, if that came so far. */
  exit?: ExitRecord | undefined;
  /** Its script found no bash where a pipe hides failures without. */
  hasNoBash?: boolean;
  /** What it left on the volume can be given to others as it is. */
  isSealed: boolean;
}

/**
 * Brings back what an attempt left on the volume, to where a step of this machine would have left it.
 * @param account below that, the account of this attempt alone where there is one: a later one has come after it, and
 *   nothing is sealed
 */
export async function collect(
  carrier: Pick<Carrier, 'take'>,
  { step, kill }: StepAttempt,
  workspace: Workspace,
  keep: string,
  logs: RunningCommand['logs'],
  account?: string,
): Promise<Collected> {
  const places: string[] = [];
  const place = () => {
    places.push(mkdtempSync(`${workspace.berth}-kept-`));
    return places.at(-1)!;
  };
  const placeOfAccount = () => {
    const directory = join(place(), ACCOUNT);
    makeDirectories(directory);
    return directory;
  };
  try {
    // Of what was killed nobody waits for files.
    if (!kill.aborted) {
      if (account !== undefined && (await carrier.take(`${keep}/${account}`, placeOfAccount)))
        return { ...put(places.at(-1)!, step, workspace, logs), isSealed: false };
      const taken = await carrier.take(keep, place, { isToSeal: account === undefined });
      const all = places.at(-1)!;
      // The next attempt may have begun meanwhile, and put the account of this one aside.
      const isLate = taken && account !== undefined && !isFile(join(all, ACCOUNT, 'exit.json'));
      if (isLate && (await carrier.take(`${keep}/${account}`, placeOfAccount)))
        return { ...put(places.at(-1)!, step, workspace, logs), isSealed: false };
      if (taken) return { ...put(all, step, workspace, logs), isSealed: taken === 'sealed' };
    }
    withoutLogs(logs);
    return { isSealed: false };
  } finally {
    for (const place of places) removeTree(place);
  }
}

/** Of an attempt that left none. */
export function withoutLogs(logs: RunningCommand['logs']): void {
  for (const path of Object.values(logs)) {
    makeDirectories(dirname(path));
    // Secrets are masked in them when the attempt has ended; until then they are for their owner only.
    writeFileSync(path, '', { mode: 0o600 });
  }
}

function put(
  place: string,
  step: StepAttempt['step'],
  workspace: Workspace,
  logs: RunningCommand['logs'],
): Pick<Collected, 'exit' | 'hasNoBash'> {
  const told = join(place, ACCOUNT);
  withoutLogs(logs);
  for (const [name, path] of Object.entries(logs)) {
    if (!isFile(join(told, name))) continue;
    chmodSync(join(told, name), 0o600);
    moveTo(join(told, name), path);
  }
  const exit = isFile(join(told, 'exit.json'))
    ? parseExitRecord(readIfThere(join(told, 'exit.json'))!.toString('utf8'))
    : undefined;
  for (const report of REPORTS)
    if (isFile(join(told, report))) moveTo(join(told, report), resolve(workspace.workdir, report));
  for (const [name, { path }] of Object.entries(step.outputs)) {
    const to = path === undefined ? join(workspace.out, name) : resolve(workspace.workdir, path);
    if (existsSync(join(place, name))) moveTo(join(place, name), to);
    // What it left there is neither file nor directory: whoever takes outputs is to find that out again.
    else if (exit?.error === 'SAME1611' && !exit.missing.includes(name)) {
      makeDirectories(dirname(to));
      symlinkSync('not-a-regular-file', to);
    }
  }
  if (isFile(join(told, 'strays'))) putStrays(join(told, 'strays'), workspace);
  return { exit, hasNoBash: isFile(join(told, 'no-bash')) };
}

/** Makes what a step left where it may not write, for whoever looks for that. */
function putStrays(list: string, workspace: Workspace): void {
  const paths = readIfThere(list)!.toString('utf8').split('\n').slice(0, MOST_STRAYS);
  for (const path of paths) {
    const [directory, name, ...others] = path.slice(`${ROOT}/`.length).split('/') as [
      string,
      string?,
      ...string[],
    ];
    if (!path.startsWith(`${ROOT}/`) || others.length > 0 || path.includes('\0')) continue;
    const places: Record<string, string> = { in: workspace.in, out: workspace.out };
    const place = name === undefined ? workspace.root : places[directory];
    const entry = name ?? directory;
    if (place === undefined || ['', '.', '..'].includes(entry) || entry.length > 255) continue;
    if (!existsSync(join(place, entry))) writeFileSync(join(place, entry), '');
  }
}

function moveTo(from: string, to: string): void {
  makeDirectories(dirname(to));
  renameSync(from, to);
}

function isFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

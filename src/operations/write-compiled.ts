import { sha256 } from '../bundle/canonical-json.ts';
import { SameError } from '../errors/same-error.ts';
import type { Ports } from './ports.ts';

const SEAL = '# What follows was compiled as ';

/** The same text, of which the first line says what it is, with a digest behind that line: whoever changes it leaves a trace. */
export function sealed(text: string): string {
  const [first = '', ...rest] = text.split('\n');
  const body = rest.join('\n');
  return `${first}\n${SEAL}${sha256(body)}\n${body}`;
}

/**
 * Writes what was compiled and {@link sealed} into a file. One that is there gives way where it was compiled from the same
 * version for the same engine and nobody has changed it since, or by force.
 * @throws SAME1403
 */
export function writeCompiled(ports: Ports, file: string, text: string, force: boolean): void {
  const kind = ports.files.kind(file);
  const refuse = (what: string, hint: string) => {
    const message = `${file} is there already and ${what}`;
    throw new SameError({ code: 'SAME1403', message, place: file, hint });
  };
  if (kind === 'directory') refuse('is a directory', 'choose another with -o FILE');
  if (kind === 'file' && !force) {
    const what = otherThan(text, ports.files.read(file)!.toString());
    if (what !== undefined)
      refuse(what, 'choose another with -o FILE, or replace it with --force, which also runs every step');
  }
  ports.files.write(file, text);
}

/** What is in the way, or undefined where nothing would be lost. */
function otherThan(text: string, there: string): string | undefined {
  const [first = '', seal = '', ...rest] = there.split('\n');
  if (!seal.startsWith(SEAL)) return 'is nothing that compile wrote';
  if (first !== text.split('\n', 1)[0]) return `is something else: ${first.replace(/^# /, '')}`;
  return there === sealed([first, ...rest].join('\n')) ? undefined : 'was changed since compile wrote it';
}

import type { Finding } from '../errors/same-error.ts';
import { parseCommandRequirement, satisfies, versionIn, versionWords } from './command.ts';

/** How a command ended in a container of an image. */
export interface ImageAnswer {
  exitCode: number;
  /** What it printed, standard output first. */
  text: string;
}

/**
 * The commands of `requires` that an image has not, or in another version (spec SAME-PIP-066).
 * @param ask runs words in a container of it, without a shell
 */
export async function unmetInImage(
  requires: readonly string[],
  ask: (words: string[]) => Promise<ImageAnswer>,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { name, want, bounds } of requires.map(parseCommandRequirement)) {
    const found = await versionOf(name, bounds.length > 0, ask);
    const met = found.isThere && (bounds.length === 0 || satisfies(found.version ?? '', bounds));
    if (met && (bounds.length === 0 || found.version !== undefined)) continue;
    const have = found.isThere ? (found.version ?? 'a version it does not tell') : 'none';
    findings.push({
      code: 'SAME1701',
      message: `command ${name} in the image: want ${want === '' ? 'any version' : want}, have ${have}`,
      hint: 'take an image that has it, or do not require it',
    });
  }
  return findings;
}

async function versionOf(
  name: string,
  isVersionWanted: boolean,
  ask: (words: string[]) => Promise<ImageAnswer>,
): Promise<{ isThere: boolean; version?: string }> {
  const { exitCode } = await ask(['sh', '-c', 'command -v "$1" >/dev/null', 'sh', name]);
  if (exitCode !== 0) return { isThere: false };
  for (const words of isVersionWanted ? versionWords(name) : []) {
    const answer = await ask([name, ...words]);
    const version = answer.exitCode === 0 ? versionIn(answer.text) : undefined;
    if (version !== undefined) return { isThere: true, version };
  }
  return { isThere: true };
}

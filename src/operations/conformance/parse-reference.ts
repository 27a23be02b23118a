import { parseReference as parse, type Reference, repositoryOf } from '../../program/reference.ts';
import type { Desk } from './desk.ts';

/** The parts of a reference, and the repository that it leads to in a registry. */
export async function parseReference(
  _desk: Desk,
  input: { text: string },
): Promise<Reference & { repository?: string }> {
  const reference = parse(input.text);
  return reference.host === undefined ? reference : { ...reference, repository: repositoryOf(reference) };
}

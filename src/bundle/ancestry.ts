import { foldName } from '../program/name.ts';
import type { ProgramArtifact } from './program-artifact.ts';

/**
 * Whether a stored program is the one that another says it was made from. A digest alone does not make it an ancestor:
 * anyone can write the digest of a private program into `derivedFrom`, and ancestors travel with an export.
 */
export function isDerivedFrom(
  { program }: Pick<ProgramArtifact, 'program'>,
  ancestor: Pick<ProgramArtifact, 'program' | 'digest'>,
): boolean {
  const { name: own, derivedFrom } = program.metadata;
  const { name, version } = ancestor.program.metadata;
  return (
    derivedFrom?.digest === ancestor.digest &&
    derivedFrom.name === name &&
    derivedFrom.version === version &&
    foldName(name) === foldName(own)
  );
}

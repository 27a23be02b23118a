import { SameError } from '../errors/same-error.ts';
import type { Ports } from './ports.ts';
import { findStoredRun } from './show-run.ts';

/** The id of a run of this home that a text names: what is gone on with. @throws SAME1608 · SAME1609 it came from elsewhere */
export async function findOwnRun(ports: Ports, text: string): Promise<string> {
  const { record, own } = await findStoredRun(ports, text);
  if (own) return record.id;
  const { name, version } = record.program;
  throw new SameError({
    code: 'SAME1609',
    message: `run ${record.id} came with ${name}:${version}: there is nothing here to go on with`,
    hint: `run the program yourself: same run ${name}:${version}`,
  });
}

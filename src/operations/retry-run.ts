import { openProgram } from '../bundle/program-artifact.ts';
import { SameError } from '../errors/same-error.ts';
import type { RunRecord } from '../runs/run-record.ts';
import { isPlaceholder } from './placeholder-program.ts';
import type { Ports } from './ports.ts';
import { findStoredRun } from './show-run.ts';

/** The id of a run of this home that a text names: what is gone on with. @throws SAME1608 · SAME1609 it came from elsewhere */
export async function findOwnRun(ports: Ports, text: string): Promise<string> {
  const { record, own } = await findStoredRun(ports, text);
  if (own) return record.id;
  const { id, program, imported } = record;
  const from = imported
    ? `was kept by ${imported.from}, as a run of ${program.name}:${program.version}`
    : `came with ${program.name}:${program.version}`;
  throw new SameError({
    code: 'SAME1609',
    message: `run ${id} ${from}: there is nothing here to go on with`,
    hint: (await runsNothing(ports, record))
      ? `what it was: same show run ${id}; to run what made it, make a program of that: same create program -f FOLDER`
      : `run the program yourself: same run ${program.name}:${program.version}`,
  });
}

/** Whether its program only holds it, as far as that is known here. */
async function runsNothing(ports: Ports, { program, imported }: RunRecord): Promise<boolean> {
  if (!imported) return false;
  try {
    return isPlaceholder((await openProgram(program.digest, ports.content)).program);
  } catch (error) {
    if (error instanceof SameError) return true;
    throw error;
  }
}

import { cellsContract } from './cells.ts';
import { commandsContract } from './commands.ts';
import { conditionsContract } from './conditions.ts';
import { endsContract } from './ends.ts';
import { failuresContract } from './failures.ts';
import { figuresContract } from './figures.ts';
import { inputsContract } from './inputs.ts';
import { interruptsContract } from './interrupts.ts';
import { orderContract } from './order.ts';
import { outputsContract } from './outputs.ts';
import { parallelContract } from './parallel.ts';
import type { EngineTraits, RunFixture } from './steps.ts';
import { storedResultsContract } from './stored-results.ts';
import { surroundingsContract } from './surroundings.ts';
import { type OpenEngine, runFixture } from './workbench.ts';

/** What every engine does with the same fixture programs (spec chapters step-contract, pipeline, metrics). */
export function engineContract(name: string, open: OpenEngine, traits: EngineTraits = {}): void {
  const run: RunFixture = (fixture) => runFixture(open, fixture, traits.environment?.());
  cellsContract(name, run, traits);
  commandsContract(name, run);
  conditionsContract(name, run);
  endsContract(name, run, traits);
  failuresContract(name, run, traits);
  figuresContract(name, run, traits);
  inputsContract(name, run, traits);
  interruptsContract(name, run, traits);
  orderContract(name, run);
  outputsContract(name, run, traits);
  parallelContract(name, run, traits);
  storedResultsContract(name, run);
  surroundingsContract(name, run, traits);
}

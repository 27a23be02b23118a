import { SameError } from '../../errors/same-error.ts';
import { beginSweep, resumeSweep } from '../../operations/open-sweep.ts';
import { type PreparedSweep, prepareSweep } from '../../operations/prepare-sweep.ts';
import { runSweep } from '../../operations/sweep-program.ts';
import type { Cli } from '../cli.ts';
import { renderSweep, renderSweepPlan, renderTrial } from '../render/sweep.ts';
import type { SweepWords } from '../sweep-words.ts';
import { tellStore } from '../telling.ts';

/** `same sweep [program] REFERENCE --PARAMETER=VALUES …`, `same sweep --resume[=ID]` */
export async function sweep(cli: Cli, words: SweepWords): Promise<void> {
  const ports = cli.ports();
  const said = words.reference === undefined ? undefined : await prepare(cli, words, words.reference);
  if (words.plan) return showPlan(cli, said!);
  const jobs = Number(words.jobs);
  const open =
    words.resume === undefined
      ? await beginSweep(ports, said!)
      : await resumeSweep(ports, words.resume, {
          ...(said ? { said } : {}),
          ...(words.jobs === undefined ? {} : { jobs }),
        });
  const { id } = open.record;
  cli.say(`sweep ${id}: ${open.record.trials} trials, ${open.record.algorithm}`);
  const goOn = `go on with it: same sweep --resume=${id}`;
  const record = await runSweep(ports, open, {
    ended: (trial, sofar, count) => cli.say(renderTrial(trial, sofar, count)),
  }).catch((error: unknown) => {
    // A search for what is not there is begun anew.
    if (!(error instanceof SameError && error.code === 'SAME1902')) cli.say(goOn);
    throw error;
  });
  cli.exitCode = { succeeded: 0, failed: 1, interrupted: 130, running: 130 }[record.status];
  if (cli.json) cli.printJson('Sweep', record);
  else cli.print(renderSweep(record));
  if (record.status === 'interrupted') cli.say(goOn);
  await tellStore(cli);
  const best = record.results.find(({ number }) => number === record.best);
  if (best === undefined || record.status === 'interrupted') return;
  const { name, version } = record.program;
  cli.say(`look at the best: same show run ${best.run}`);
  cli.say(`make its values defaults: same commit program ${name}:${version} --as VERSION --run ${best.run}`);
}

function prepare(cli: Cli, words: SweepWords, reference: string): Promise<PreparedSweep> {
  const { resume: _, plan: __, json: ___, quiet: ____, help: _____, shared, ...request } = words;
  return prepareSweep(cli.ports(), { ...request, reference, sharedOptions: shared });
}

function showPlan(cli: Cli, { sweep: search, trials }: PreparedSweep): void {
  if (cli.json) cli.printJson('SweepPlan', { ...search, planned: trials ?? null });
  else cli.print(renderSweepPlan(search, trials));
}

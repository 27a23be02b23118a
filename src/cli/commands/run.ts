import { SameError } from '../../errors/same-error.ts';
import { exitCodeOf } from '../../operations/conclude-run.ts';
import { forecastWherePossible } from '../../operations/forecast-run.ts';
import { prepareRun } from '../../operations/prepare-run.ts';
import { runProgram } from '../../operations/run-program.ts';
import type { Cli } from '../cli.ts';
import { renderPlan } from '../render/plan.ts';
import { openProgress } from '../render/progress.ts';
import { renderForecastCounts, renderReasons } from '../render/reasons.ts';
import { renderFailure, renderRun } from '../render/run.ts';
import { requestOf } from '../run-request.ts';
import type { RunWords } from '../run-words.ts';
import { tellStore } from '../telling.ts';

/** `same run [program] REFERENCE --PARAMETER=VALUE …`: the words after verb and noun, told apart. */
export async function run(cli: Cli, words: RunWords): Promise<void> {
  const ports = cli.ports();
  const inFolder = words.reference === undefined && words.file === undefined && words.resume === undefined;
  if (inFolder && !ports.files.exists('same.yaml')) {
    throw new SameError({
      code: 'SAME1902',
      message: 'run what? there is no same.yaml in this folder',
      hint: 'the program comes first: same run NAME:VERSION --parameter=value (stored ones: same list programs)',
    });
  }
  const request = requestOf(words);
  if (words.plan) {
    using temporary = ports.files.scratch();
    const prepared = await prepareRun(ports, request, temporary.path);
    const forecast = await forecastWherePossible(ports, prepared, temporary.path);
    if (cli.json) cli.printJson('Plan', { ...prepared.plan, requirements: prepared.requirements, forecast });
    else {
      cli.print(renderPlan(prepared.plan, prepared.requirements));
      if (forecast.length > 0)
        cli.print(['now', renderReasons(forecast), renderForecastCounts(forecast)].join('\n'));
    }
    return;
  }
  const progress = await openProgress(cli);
  const { record, problems } = await runProgram(ports, request, progress.show).finally(progress.close);
  cli.exitCode = exitCodeOf(record.status);
  if (cli.json) cli.printJson('Run', { ...record, problems });
  else cli.print(renderRun(record, { own: true, colour: false, full: false }));
  const wrote = record.steps.some(({ outputs }) => Object.keys(outputs).length > 0);
  if (wrote && record.status === 'succeeded') cli.say(`get what it wrote: same get run ${record.id}`);
  if (record.status !== 'succeeded') {
    process.stderr.write(renderFailure(record, problems, progress.tail, cli.colour));
    const isDone = record.steps.some(({ status }) => status === 'succeeded');
    if (isDone) cli.say(`go on with what did not succeed: same run --resume=${record.id}`);
  }
  await tellStore(cli);
}

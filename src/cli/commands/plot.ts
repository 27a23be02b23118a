import { Command } from 'commander';
import { SameError } from '../../errors/same-error.ts';
import type { Plot } from '../../operations/plot-runs.ts';
import type { Ports } from '../../operations/ports.ts';
import type { Cli } from '../cli.ts';
import { withCommon } from '../words.ts';

const ROWS = 16;
const COLUMNS = 80;

/** `same plot runs ID … --metric NAME [-o FILE.svg|FILE.html]` */
export function plotCommand(cli: Cli): Command {
  const command = new Command('plot runs')
    .description(
      'Draw how a figure went in runs: as text, or as a picture or page that needs nothing else. Steps report such series by metrics.jsonl.',
    )
    .argument('<ids...>', 'ids of runs, parts of them, or latest')
    .requiredOption('--metric <name>', 'the figure; NAME@STEP.NUMBER for one cell')
    .option('-o, --output <file>', 'write FILE.svg or FILE.html instead')
    .option('--force', 'replace the file');
  return withCommon(command, [
    'same plot runs latest --metric loss',
    'same plot runs 8f3a21 c04e77 --metric loss -o loss.svg',
    'same plot runs 8f3a21 c04e77 --metric loss --json',
  ]).action(
    async (ids: string[], { metric, output, force }: { metric: string; output?: string; force?: true }) => {
      if (force && output === undefined) {
        throw new SameError({
          code: 'SAME1902',
          message: '--force has nothing to do: there is no -o',
          place: '--force',
        });
      }
      const render = output === undefined ? undefined : await rendererOf(output);
      const ports = cli.ports();
      if (output !== undefined) refuseNoFolder(ports, output);
      if (output !== undefined && !force && ports.files.exists(output)) {
        throw new SameError({
          code: 'SAME1403',
          message: `${output} exists already`,
          hint: 'replace it with --force',
        });
      }
      const [{ plotRuns }, { warnOfProgram }] = await Promise.all([
        import('../../operations/plot-runs.ts'),
        import('../../operations/program-around.ts'),
      ]);
      const plot = await plotRuns(ports, ids, metric);
      if (output !== undefined) {
        ports.files.write(output, render!(plot));
        warnOfProgram(ports, output, 'write');
      }
      if (cli.json) cli.printJson('Plot', { ...plot, ...(output === undefined ? {} : { output }) });
      else if (output !== undefined) cli.print(`wrote ${output}`);
      else await draw(cli, plot);
    },
  );
}

/** Whoever mistypes a path is not to find a folder of that name later. @throws SAME1902 */
function refuseNoFolder(ports: Ports, output: string): void {
  const folder = ports.files.resolve(`${ports.files.resolve(output)}/..`);
  if (ports.files.kind(folder) === 'directory') return;
  throw new SameError({
    code: 'SAME1902',
    message: `-o ${output}: there is no folder ${folder}`,
    place: '-o',
    hint: `make it first: mkdir -p ${folder}`,
  });
}

async function draw(cli: Cli, plot: Plot): Promise<void> {
  const { renderTextChart } = await import('../render/text-chart.ts');
  const { isTTY, columns = COLUMNS } = process.stdout;
  const colour = isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
  cli.print(renderTextChart(plot, { columns: Math.max(40, columns), rows: ROWS, colour }));
}

async function rendererOf(output: string): Promise<(plot: Plot) => string> {
  const { renderHtmlChart, renderSvgChart } = await import('../render/svg-chart.ts');
  if (/\.svg$/i.test(output)) return renderSvgChart;
  if (/\.html?$/i.test(output)) return renderHtmlChart;
  throw new SameError({
    code: 'SAME1902',
    message: `-o takes FILE.svg or FILE.html, got ${JSON.stringify(output)}`,
    place: '-o',
  });
}

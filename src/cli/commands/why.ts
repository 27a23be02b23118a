import { Command } from 'commander';
import { explainSteps } from '../../operations/explain-steps.ts';
import type { Cli } from '../cli.ts';
import { renderForecastCounts, renderReasons } from '../render/reasons.ts';
import { requestOf } from '../run-request.ts';
import { splitRunWords } from '../run-words.ts';
import { withCommon } from '../words.ts';

/** The page of `same why`: what running now would reuse or run, and why. */
export function whyCommand(cli: Cli): Command {
  const command = new Command('why')
    .description(
      'Say of each step whether running it now would reuse a stored result or run it, and what changed since it ran last. Nothing runs. Takes the words of same run: another value of a parameter is another question.',
    )
    .argument('[words...]', 'NAME[:VERSION], then a step; in a folder with same.yaml just the step')
    .allowUnknownOption()
    .action(async (words: string[]) => {
      const ports = cli.ports();
      const { program, step, rest } = told(words, ports.files.exists('same.yaml'));
      const split = splitRunWords([...program, ...rest]);
      const forecasts = await explainSteps(ports, requestOf(split), step);
      if (cli.json) cli.printJson('Forecast', { steps: forecasts });
      else cli.print([renderReasons(forecasts), renderForecastCounts(forecasts)].join('\n'));
    });
  return withCommon(command, [
    'same why arXiv.1303.5778v1:1.0 train --epochs=1000',
    'same why train                                        # in a folder with same.yaml',
  ]);
}

/** Which leading words name the program and which the step. */
function told(words: string[], inFolder: boolean): { program: string[]; step?: string; rest: string[] } {
  const named = words.findIndex((word) => word.startsWith('-'));
  const leading = words.slice(0, named < 0 ? words.length : Math.min(named, 2)).slice(0, 2);
  const rest = words.slice(leading.length);
  const isFile = rest.some((word) => word === '-f' || word.startsWith('--file'));
  const isStep = leading.length === 1 && (isFile || (inFolder && !/[:@]/.test(leading[0]!)));
  if (isStep || leading.length === 0) {
    return { program: [], rest, ...(isStep ? { step: leading[0]! } : {}) };
  }
  return { program: [leading[0]!], rest, ...(leading.length > 1 ? { step: leading[1]! } : {}) };
}

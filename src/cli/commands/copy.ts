import { Command } from 'commander';
import { type CopyOptions, copyProgram } from '../../operations/copy-program.ts';
import { parseLimits } from '../../operations/limits.ts';
import type { HistoryChoice } from '../../operations/select-runs.ts';
import type { Cli } from '../cli.ts';
import { renderLeaving } from '../render/leaving.ts';
import { renderCopied } from '../render/registry.ts';
import { telling } from '../render/work-line.ts';
import {
  historyChoice,
  type RegistryOptions,
  registryAccess,
  withCommon,
  withLimits,
  withRegistry,
} from '../words.ts';

interface CopyWords extends RegistryOptions {
  history?: HistoryChoice;
  limit?: string[];
  force?: true;
  dryRun?: true;
  fromPlainHttp?: true;
  toPlainHttp?: true;
}

/** `same copy SOURCE DESTINATION` */
export function copyCommand(cli: Cli): Command {
  const command = new Command('copy')
    .description(
      'Copy a program with its runs from a registry or bundle to another, past the home; digests stay as they are.',
    )
    .argument('<source>', 'oci://HOST/[NAMESPACE/]NAME[:VERSION], or a bundle')
    .argument(
      '<destination>',
      'oci://HOST[/NAMESPACE][/NAME[:VERSION]], or FILE.tgz, FILE.tar, or a directory',
    )
    .option(
      '--history <which>',
      'runs that go along: none, latest, best[:METRIC], all, ids of runs separated by commas, or "where CONDITION" as list runs --where takes it (default: all)',
      historyChoice,
    )
    .option('--dry-run', 'say what would be copied, and write nothing')
    .option('--force', 'move a tag that leads to another digest, or replace a file')
    .option('--from-plain-http', 'reach the registry of the source alone by plain HTTP')
    .option('--to-plain-http', 'reach the registry of the destination alone by plain HTTP');
  return withRegistry(
    withLimits(
      withCommon(command, [
        'same copy oci://registry.example.org/papers/arXiv.1303.5778v1:1.1 oci://mirror.example.org/papers',
        'same copy ./arXiv.1303.5778v1:1.1.tgz oci://registry.example.org/papers --history best --dry-run',
        'same copy ./arXiv.1303.5778v1:1.1.tgz oci://registry.example.org/papers',
        'same copy oci://registry.example.org/papers/arXiv.1303.5778v1 ./study.tgz',
      ]),
    ),
  ).action(async (source: string, destination: string, options: CopyWords) => {
    const { history, limit, force, dryRun, fromPlainHttp, toPlainHttp, ...registry } = options;
    const limits = parseLimits(limit ?? []);
    const plainHttp = fromPlainHttp && toPlainHttp ? { plainHttp: true as const } : {};
    const access = registryAccess({ ...registry, ...plainHttp });
    const plainEnd: CopyOptions['plainEnd'] =
      access.plainHttp || !(fromPlainHttp || toPlainHttp)
        ? undefined
        : fromPlainHttp
          ? 'source'
          : 'destination';
    const request = { source, destination, history, limits, force: force ?? false, access, plainEnd, dryRun };
    const copied = await telling(cli, { doing: 'copying' }, () => copyProgram(cli.ports(), request));
    if (copied.leaving) renderLeaving(cli, copied.leaving);
    else renderCopied(cli, copied);
  });
}

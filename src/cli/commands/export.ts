import { Command, Option } from 'commander';
import { SameError } from '../../errors/same-error.ts';
import { BUNDLE_FORMS, type BundleForm } from '../../operations/bundle-forms.ts';
import { exportProgram } from '../../operations/export-program.ts';
import { parseLimits } from '../../operations/limits.ts';
import { previewExport } from '../../operations/preview-leaving.ts';
import type { HistoryChoice } from '../../operations/select-runs.ts';
import type { Cli } from '../cli.ts';
import { passedOverLines, renderLeaving } from '../render/leaving.ts';
import { FILE_NOT_COMPUTED } from '../render/program.ts';
import { plainLine } from '../render/text.ts';
import { telling } from '../render/work-line.ts';
import { tellStore } from '../telling.ts';
import { dataLimit, historyChoice, withCommon, withLimits } from '../words.ts';

/** `same export program -n NAME:VERSION` */
export function exportCommand(cli: Cli): Command {
  const command = new Command('export')
    .description(
      'Write a program and its history as one file. A version that is not there yet is committed first, from the highest earlier one and its latest succeeded run.',
    )
    .requiredOption('-n, --name <name:version>', 'the program')
    .option('-o, --output <file>', 'where to write (default ./NAME:VERSION.tgz, .tar or .oci)')
    .addOption(
      new Option('--format <form>', 'one gzip file, one plain tar, or a directory that OCI tools read')
        .choices(Object.keys(BUNDLE_FORMS))
        .default('tgz'),
    )
    .option('--portable', 'name it NAME-VERSION…, without a colon')
    .option(
      '--history <which>',
      'runs that travel along: none, latest, best[:METRIC], all (that succeeded), ids of runs separated by commas, or "where CONDITION" as list runs --where takes it (default: as the program says, else latest)',
      historyChoice,
    )
    .option(
      '--with-data [size]',
      'let all content of data at https addresses travel along, not only what says carry: embed; each at most of this size (default 10Gi)',
    )
    .option('--dry-run', 'say what would leave, and write nothing')
    .option('--force', 'replace a file that is something else, or a bundle that holds other runs or data');
  return withLimits(
    withCommon(command, [
      'same export program -n arXiv.1303.5778v1:1.1',
      'same export program -n arXiv.1303.5778v1:1.1 --history none -o study.tgz',
      "same export program -n arXiv.1303.5778v1:1.1 --history 'where metrics.test_per < 18' --dry-run",
      'same export program -n arXiv.1303.5778v1:1.1 --format oci-dir -o study.oci',
    ]),
  ).action(
    async (options: {
      name: string;
      output?: string;
      format: BundleForm;
      portable?: true;
      history?: HistoryChoice;
      limit?: string[];
      withData?: string | true;
      force?: true;
      dryRun?: true;
    }) => {
      if (options.output !== undefined && options.portable) {
        throw new SameError({
          code: 'SAME1902',
          message: '--portable chooses the file name, and so does -o',
          place: '--portable',
          hint: 'leave out one of them',
        });
      }
      const { name: reference, format: form, limit, withData, dryRun, ...rest } = options;
      if (dryRun) {
        const asked = {
          reference,
          history: rest.history,
          ...(withData === undefined ? {} : { withData: dataLimit(withData) }),
        };
        renderLeaving(cli, await previewExport(cli.ports(), asked));
        return;
      }
      const request = {
        reference,
        form,
        ...rest,
        limits: parseLimits(limit ?? []),
        ...(withData === undefined ? {} : { withData: dataLimit(withData) }),
      };
      const exported = await telling(cli, { doing: 'packing' }, () => exportProgram(cli.ports(), request));
      const { name, version } = exported.artifact.program.metadata;
      const { digests, committed, file, runs, history, passedOver, left, leftData, aside } = exported;
      if (aside !== undefined) {
        cli.say(plainLine(`the directory that was there could not be removed and lies at ${aside} now`));
      }
      const isFile = form !== 'oci-dir';
      if (cli.json) {
        cli.printJson('Exported', {
          name,
          version,
          file,
          format: form,
          digests: isFile ? { ...digests, file: digests.file ?? null } : digests,
          runs,
          history,
          passedOver,
          left,
          leftData,
          committed: committed
            ? { from: committed.from, run: committed.run ?? null, defaults: committed.defaults }
            : null,
        });
        return committed ? tellStore(cli) : undefined;
      }
      if (committed) {
        const changed = Object.entries(committed.defaults).map(
          ([key, value]) => `${key}=${JSON.stringify(value)}`,
        );
        cli.say(
          plainLine(
            `committed ${name}:${version} from ${committed.from.name}:${committed.from.version} and its run ${committed.run}${changed.length > 0 ? `: default ${changed.join(', ')}` : ''}`,
          ),
        );
      }
      cli.print(`exported ${name}:${version} to ${file}`);
      cli.say(
        `  program ${digests.program}\n  index   ${digests.index}\n  archive ${digests.archive}\n${isFile ? `  file    ${digests.file ?? FILE_NOT_COMPUTED}\n` : ''}  ${runs.length} run${runs.length === 1 ? '' : 's'} inside (--history ${String(history)})`,
      );
      for (const line of passedOverLines(passedOver)) cli.say(`  ${line}`);
      if (left.length > 0) {
        cli.say(
          `  the file that was there held ${left.length === 1 ? 'a run' : 'runs'} that this one leaves out, still stored here: ${left.join(', ')} (take those that succeeded along with --history all, any by its id)`,
        );
      }
      if (leftData.length > 0) {
        cli.say(
          `  the file that was there held data that this one leaves out, still stored here: ${leftData.join(', ')} (take it along with --with-data)`,
        );
      }
      if (committed) await tellStore(cli);
    },
  );
}

import { Command } from 'commander';
import { parseLimits } from '../../operations/limits.ts';
import { type Verified, verifyIntegrity } from '../../operations/verify-integrity.ts';
import type { Cli } from '../cli.ts';
import { renderFinding } from '../render/finding.ts';
import { sayLeft } from '../render/registry.ts';
import { plainLine } from '../render/text.ts';
import { telling } from '../render/work-line.ts';
import { type RegistryOptions, registryAccess, withCommon, withLimits, withRegistry } from '../words.ts';

/** What a command ends with that found something damaged (spec chapter errors). */
const DAMAGED = 7;

/** `same verify integrity [FILE|DIRECTORY|NAME:VERSION|oci://…]` */
export function verifyCommand(cli: Cli): Command {
  const command = new Command('verify integrity')
    .description(
      'Look for everything that is wrong with a bundle, a program stored here or in a registry, or the whole home. Nothing is changed or executed.',
    )
    .argument(
      '[what]',
      'a bundle (file or directory), NAME[:VERSION] or oci://HOST/NAME[:VERSION]; left out: everything in the home',
    );
  return withRegistry(
    withLimits(
      withCommon(command, [
        'same verify integrity ./arXiv.1303.5778v1:1.1.tgz',
        'same verify integrity arXiv.1303.5778v1:1.1 --json',
        'same verify integrity oci://registry.example.org/papers/arXiv.1303.5778v1:1.1',
        'same verify integrity',
      ]),
    ),
  ).action(
    async (what: string | undefined, { limit, ...registry }: { limit?: string[] } & RegistryOptions) => {
      const access = registryAccess(registry);
      const limits = parseLimits(limit ?? []);
      const doing = {
        doing: `checking ${what ?? 'the home'}`,
        ...(what === undefined ? {} : { file: what }),
      };
      const verified = await telling(cli, doing, () =>
        verifyIntegrity(cli.ports(), what, { limits, access }),
      );
      const { findings, digests, remote } = verified;
      if (findings.length > 0) cli.exitCode = DAMAGED;
      if (cli.json) {
        cli.printJson('Verified', {
          what: verified.what,
          target: what ?? null,
          findings,
          digests: digests ?? null,
          ...(remote ? { remote } : {}),
        });
        return;
      }
      for (const { clause, ...finding } of findings) {
        const message = clause === undefined ? finding.message : `${finding.message} [${clause}]`;
        process.stderr.write(`${renderFinding({ ...finding, message }, cli.colour)}\n`);
      }
      if (findings.length > 0) {
        cli.say(`${findings.length} problem${findings.length === 1 ? '' : 's'} in ${nameOf(verified, what)}`);
        return;
      }
      cli.print(`${nameOf(verified, what)} is whole`);
      if (remote) {
        cli.say(`  program ${remote.program}`);
        sayLeft(cli, remote.left);
        cli.say(`store it with: same pull ${plainLine(what!)}`);
      }
      if (!digests) return;
      cli.say(
        `  program ${digests.program}\n  index   ${digests.index}\n  archive ${digests.archive}${digests.file === undefined ? '' : `\n  file    ${digests.file}`}`,
      );
      cli.say(`store it with: same import ${plainLine(what!)}`);
    },
  );
}

function nameOf({ what }: Verified, target: string | undefined): string {
  return what === 'home' ? 'the home' : plainLine(target!);
}

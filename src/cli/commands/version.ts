import { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { RUNTIME } from '../runtime.ts';
import { withCommon } from '../words.ts';

/** `same version` */
export function versionCommand(cli: Cli): Command {
  const command = new Command('version').description('Print the version of same and of the spec it speaks.');
  return withCommon(command, ['same version', 'same version --json']).action(() => {
    if (cli.json) cli.printJson('Version', { version: RUNTIME, spec: 'same/v1', node: process.version });
    else cli.print(`same ${RUNTIME} (spec same/v1, node ${process.version})`);
  });
}

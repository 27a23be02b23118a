import { Command } from 'commander';
import { type DescribeRequest, describeEngine, describeRights } from '../../operations/describe-engine.ts';
import { listEngines } from '../../operations/list-engines.ts';
import { RUN_ENGINES } from '../../program/engines.ts';
import type { Cli } from '../cli.ts';
import { renderEngine, renderEngines } from '../render/engine.ts';
import { renderFinding } from '../render/finding.ts';
import { withCommon } from '../words.ts';

/** `same list engines` */
export function listEnginesCommand(cli: Cli): Command {
  const command = new Command('list engines').description(
    'List every engine of this version: what it does, whether it can be used here and now, and where it would run. The cluster of the current context is asked for a few seconds at most.',
  );
  return withCommon(command, ['same list engines', 'same list engines --json']).action(async () => {
    const items = await listEngines(cli.ports());
    if (cli.json) cli.printJson('EngineList', { items });
    else {
      cli.print(renderEngines(items));
      cli.say('what an engine has here, and whether a program fits: same describe engine NAME [PROGRAM]');
    }
  });
}

/** Options of `same describe`. */
interface Options {
  context?: string;
  namespace?: string;
  rbac?: true;
}

/** `same describe engine NAME [NAME[:VERSION]] [--rbac]`, and the same of a target. */
export function describeCommand(cli: Cli, noun: string): Command {
  const isTarget = noun === 'target';
  const command = new Command(`describe ${noun}`)
    .description(
      `Show what ${isTarget ? 'a target' : 'an engine'} has here and now: of a cluster its version, the APIs of other engines, storage, the volume that steps share, nodes, and what you may do there. With a program, what that wants beside what there is; ends with 10 where a need is not met. Nothing runs, and nothing changes.`,
    )
    .argument('<name>', isTarget ? 'see: same list targets' : 'see: same list engines')
    .argument('[program]', 'NAME[:VERSION] of a stored program')
    .option('--context <name>', 'another context of your kubeconfig')
    .option('--namespace <name>', "another namespace than the context's")
    .option('--rbac', 'print only the role that running programs takes, for an administrator to apply');
  return withCommon(command, [
    'same describe engine kubernetes',
    'same describe engine kubernetes arXiv.1303.5778v1:1.0',
    'same describe engine kubernetes --namespace studies --rbac > same-role.yaml',
    'same describe target lab',
  ]).action(async (name: string, reference: string | undefined, { rbac, ...place }: Options) => {
    const request: DescribeRequest = {
      ...(isTarget ? { target: name } : { engine: name }),
      ...place,
      reference,
    };
    if (rbac) return printRights(cli, request);
    const described = await describeEngine(cli.ports(), request);
    const unmet = (described.requirements ?? []).filter(({ met, optional }) => !met && !optional);
    if (cli.json) cli.printJson('Engine', described);
    else cli.print(renderEngine(described));
    for (const { what, want, have, step } of unmet) {
      const message = `${what}: want ${want}, have ${have}${step === undefined ? '' : ` (step ${step})`}`;
      cli.say(renderFinding({ code: 'SAME1701', message }, cli.colour));
    }
    if (unmet.length > 0) cli.exitCode = 10;
    const { cluster } = described;
    if (cluster?.rights.some(({ allowed }) => !allowed)) {
      // Of an engine that runs nothing they are those of running programs all the same.
      const words = isTarget
        ? ['target', name]
        : ['engine', RUN_ENGINES.includes(name) ? name : 'kubernetes'];
      for (const [option, value] of Object.entries(place)) words.push(`--${option}`, value);
      cli.say(
        `an administrator grants what is missing: same describe ${words.join(' ')} --rbac | kubectl apply -f -`,
      );
    }
  });
}

async function printRights(cli: Cli, request: DescribeRequest): Promise<void> {
  const { namespace, isKnown, text, objects } = await describeRights(cli.ports(), request);
  if (cli.json) cli.printJson('Rights', { namespace, items: objects });
  else cli.print(text.trimEnd());
  if (!isKnown) cli.say('no kubeconfig says which namespace: default; another one with --namespace');
}

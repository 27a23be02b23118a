import { Command } from 'commander';
import { deleteTarget, listTargets, setTarget } from '../../operations/targets.ts';
import type { Cli } from '../cli.ts';
import { renderTargets } from '../render/engine.ts';
import { withCommon } from '../words.ts';

/** `same list targets` */
export function listTargetsCommand(cli: Cli): Command {
  const command = new Command('list targets').description(
    'List the places where programs run: --target NAME and SAME_ENVIRONMENT name one; * marks the one that is used without a word. No place is asked.',
  );
  return withCommon(command, ['same list targets', 'same list targets --json']).action(async () => {
    const items = await listTargets(cli.ports());
    if (cli.json) cli.printJson('TargetList', { items });
    else cli.print(renderTargets(items));
  });
}

/** `same set target NAME --engine ENGINE [--context C] [--namespace N]` */
export function setTargetCommand(cli: Cli): Command {
  const command = new Command('set target')
    .description(
      'Say what a target is: an engine with its settings. Where a program runs changes no digest and no result. A target that has the name of an engine is what --engine of that name means.',
    )
    .argument('<name>')
    .option(
      '--engine <name>',
      'local, podman, kubernetes, argo, tekton or kubeflow; of a target with the name of one it is that',
    )
    .option('--context <name>', 'the context of your kubeconfig (default: the current one)')
    .option('--namespace <name>', "the namespace (default: the context's)");
  return withCommon(command, [
    'same set target lab --engine kubernetes --context lab --namespace studies',
    'same set target kubernetes --namespace studies',
  ]).action(async (name: string, options: { engine?: string; context?: string; namespace?: string }) => {
    const set = await setTarget(cli.ports(), name, options);
    if (cli.json) {
      cli.printJson('Target', { ...set, replaced: set.replaced ?? null });
      return;
    }
    const { engine, context, namespace, changed } = set;
    const where = [
      ...(context === undefined ? [] : [`context ${context}`]),
      ...(namespace === undefined ? [] : [`namespace ${namespace}`]),
    ];
    const as = changed ? '' : ', as before';
    cli.print(`target ${name} is ${[`engine ${engine}`, ...where].join(', ')}${as}`);
    cli.say(`see what is there: same describe target ${name}; run there: same run … --target ${name}`);
  });
}

/** `same delete target NAME` */
export function deleteTargetCommand(cli: Cli): Command {
  const command = new Command('delete target')
    .description('Forget a target. Nothing changes where it is.')
    .argument('<name>');
  return withCommon(command, ['same delete target lab']).action(async (name: string) => {
    const deleted = await deleteTarget(cli.ports(), name);
    if (cli.json) cli.printJson('Deleted', deleted);
    else cli.print(`deleted target ${deleted.name} (was engine ${deleted.engine})`);
  });
}

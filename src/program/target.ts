import { SameError } from '../errors/same-error.ts';
import { engines, RUN_ENGINES } from './engines.ts';

/** Where in which cluster. */
export interface ClusterPlace {
  /** The context of the caller's kubeconfig; its current one unless told otherwise. */
  context?: string;
  /** The context's own, else `default`, unless told otherwise. */
  namespace?: string;
}

/** What a target is: an engine with its settings. */
export interface TargetSettings extends ClusterPlace {
  engine: string;
}

/** Where a program runs: a configured place and the engine that runs it there. */
export interface Target extends TargetSettings {
  name: string;
}

/** Targets that are set in `config.yaml` of the home, by name. */
export type ConfiguredTargets = ReadonlyMap<string, TargetSettings>;

const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
/** A label of DNS-1123. */
const NAMESPACE = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** What a target is called, in words. */
export const TARGET_NAME_RULE = 'a letter, then up to 63 letters, digits, dashes and underscores';

/**
 * Takes what is said of a target, if it can be one (spec SAME-ENG-021).
 * @throws SAME1710 with everything that is wrong with it
 */
export function parseTarget(
  name: string,
  {
    engine,
    context,
    namespace,
  }: { engine: string; context?: string | undefined; namespace?: string | undefined },
): TargetSettings {
  const refused = (message: string, hint: string) => ({
    code: 'SAME1710' as const,
    message: `target "${name}": ${message}`,
    hint,
  });
  const { isOfCluster } = engines.find((one) => one.name === engine) ?? { isOfCluster: true };
  const findings = [
    NAME.test(name) ? [] : refused('that is no name of a target', TARGET_NAME_RULE),
    RUN_ENGINES.includes(engine)
      ? []
      : refused(`nothing runs with engine "${engine}"`, `there are: ${RUN_ENGINES.join(', ')}`),
    RUN_ENGINES.includes(name) && name !== engine
      ? refused(`that is the name of an engine, and stands for it`, 'give it another name')
      : [],
    ...Object.entries({ context, namespace }).map(([field, value]) =>
      value === undefined || isOfCluster
        ? []
        : refused(`engine ${engine} has no ${field}`, `leave ${field} out: only kubernetes has one`),
    ),
    context === '' ? refused('its context has no name', 'see: kubectl config get-contexts') : [],
    namespace === undefined || NAMESPACE.test(namespace)
      ? []
      : refused(
          `${JSON.stringify(namespace)} is no name of a namespace`,
          'lower-case letters, digits and dashes, at most 63',
        ),
  ].flat();
  if (findings.length > 0) throw new SameError(findings);
  return {
    engine,
    ...(context === undefined ? {} : { context }),
    ...(namespace === undefined ? {} : { namespace }),
  };
}

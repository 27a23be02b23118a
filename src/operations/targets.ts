import { SameError } from '../errors/same-error.ts';
import { nearest } from '../errors/suggestion.ts';
import { RUN_ENGINES } from '../program/engines.ts';
import { type ClusterPlace, parseTarget, type Target, type TargetSettings } from '../program/target.ts';
import type { Ports } from './ports.ts';
import { changeConfiguration, readTargets } from './registry-aliases.ts';

/** A place where programs run. */
export interface ListedTarget extends Target {
  /** Whether the home sets it, or it is the default of its engine. */
  isSet: boolean;
  /** Whether `SAME_ENVIRONMENT` names it, or nothing does and it is `local`. */
  isDefault: boolean;
}

/** What `same set target` left. */
export interface SetTarget extends Target {
  changed: boolean;
  /** What was set before, where that was something else. */
  replaced?: TargetSettings;
}

/** `same list targets`: those of this version's engines, then those of the home. @throws what is wrong with `config.yaml` */
export async function listTargets(ports: Ports): Promise<ListedTarget[]> {
  const configured = await readTargets(ports);
  const usual = ports.variables.SAME_ENVIRONMENT || 'local';
  const names = new Set([...RUN_ENGINES, ...configured.keys()]);
  return [...names].map((name) => ({
    name,
    ...(configured.get(name) ?? { engine: name }),
    isSet: configured.has(name),
    isDefault: name === usual,
  }));
}

/**
 * `same set target`: says in `config.yaml` of the home what a target is. No cluster is asked.
 * @throws SAME1710; what is wrong with `config.yaml`
 */
export async function setTarget(
  ports: Ports,
  name: string,
  wish: ClusterPlace & { engine?: string | undefined },
): Promise<SetTarget> {
  const { engine, ...place } = wish;
  if (engine === undefined && !RUN_ENGINES.includes(name)) {
    throw new SameError({
      code: 'SAME1710',
      message: `target "${name}": it needs an engine`,
      hint: `same set target ${name} --engine kubernetes --context CONTEXT`,
    });
  }
  const settings = parseTarget(name, { ...place, engine: engine ?? name });
  return changeConfiguration<SetTarget>(ports, async ({ text, targets, editor }) => {
    const before = targets.get(name);
    if (before && JSON.stringify(before) === JSON.stringify(settings))
      return { result: { name, ...settings, changed: false } };
    return {
      text: editor.withTarget(text, name, settings),
      result: { name, ...settings, changed: true, ...(before ? { replaced: before } : {}) },
    };
  });
}

/** `same delete target`: what it was. @throws SAME1902 there is none; what is wrong with `config.yaml` */
export async function deleteTarget(ports: Ports, name: string): Promise<Target> {
  return changeConfiguration<Target>(ports, async ({ text, targets, editor }) => {
    const settings = targets.get(name);
    if (!settings) {
      const meant = nearest(name, [...targets.keys()]);
      throw new SameError({
        code: 'SAME1902',
        message: `no target "${name}" is set in this home${meant === undefined ? '' : ` — did you mean ${meant}?`} (set: ${[...targets.keys()].join(', ') || 'none'})`,
        hint: 'see: same list targets',
      });
    }
    return { text: editor.withTarget(text, name, undefined), result: { name, ...settings } };
  });
}

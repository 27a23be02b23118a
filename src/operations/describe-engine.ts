import type { ClusterSurvey } from '../engines/kubernetes/survey.ts';
import { SameError } from '../errors/same-error.ts';
import { nearest } from '../errors/suggestion.ts';
import { type EngineFacts, engines, isOfCluster } from '../program/engines.ts';
import { type ClusterPlace, parseTarget, type Target } from '../program/target.ts';
import type { MachineRecord, RequirementRecord } from '../runs/run-record.ts';
import { findProgram } from './find-program.ts';
import type { Ports } from './ports.ts';
import { openProgramEnvironments } from './program-files.ts';
import { readTargets } from './registry-aliases.ts';

/** Which engine or target is described; exactly one of the two. */
export interface DescribeRequest extends ClusterPlace {
  engine?: string;
  target?: string;
  /** A program whose needs are compared with it. */
  reference?: string | undefined;
}

/** An engine with what it has here and now. */
export interface DescribedEngine {
  engine: EngineFacts;
  /** The target that was described, where it is one of the home. */
  target?: string;
  machine?: MachineRecord;
  podman?: { version: string; controllers: string[] };
  cluster?: ClusterSurvey;
  /** Of the program. */
  program?: { name: string; version: string; digest: string };
  requirements?: RequirementRecord[];
}

/**
 * `same describe engine` and `same describe target`: what is there, what the caller may do with it, and whether a program
 * finds there what it needs. Nothing runs, and nothing changes.
 * @throws SAME1902 unknown, or a place for what has none · SAME1702…SAME1704 it cannot be used here, and why
 */
export async function describeEngine(ports: Ports, request: DescribeRequest): Promise<DescribedEngine> {
  const { facts, target } = await described(ports, request);
  const [machine, podman, cluster] = await Promise.all([
    facts.isOfCluster ? undefined : ports.machine(),
    facts.name === 'podman' ? ports.askPodman() : undefined,
    facts.isOfCluster ? ports.surveyCluster(target) : undefined,
  ]);
  return {
    engine: facts,
    ...(target.name === facts.name ? {} : { target: target.name }),
    ...(machine ? { machine } : {}),
    ...(podman ? { podman } : {}),
    ...(cluster ? { cluster } : {}),
    ...(request.reference === undefined ? {} : await compared(ports, request.reference, target)),
  };
}

/**
 * `same describe engine --rbac`: the rights that an engine takes in the namespace of a place. No cluster is asked,
 * and none is needed.
 * @throws SAME1902 for an engine that takes none, or beside a program
 */
export async function describeRights(
  ports: Ports,
  request: DescribeRequest,
): Promise<{ namespace: string; isKnown: boolean; text: string; objects: object[] }> {
  const { facts, target } = await described(ports, request);
  if (request.reference !== undefined)
    throw new SameError({
      code: 'SAME1902',
      message: `--rbac is for every program: ${request.reference} is not looked at`,
      place: '--rbac',
      hint: 'whether a program fits there is said without it',
    });
  const known = facts.isOfCluster ? await namespaceOf(ports, target) : undefined;
  const namespace = known ?? 'default';
  const rights = await ports.clusterRights(facts.name, namespace);
  if (rights) return { namespace, isKnown: known !== undefined, ...rights };
  throw new SameError({
    code: 'SAME1902',
    message: facts.isOfCluster
      ? `what is written for engine ${facts.name} needs no account of its own: who applies it needs the rights to that`
      : `engine ${facts.name} has no roles`,
    place: '--rbac',
    hint: 'try: same describe engine kubernetes --rbac',
  });
}

async function namespaceOf(ports: Ports, target: Target): Promise<string | undefined> {
  if (target.namespace !== undefined) return target.namespace;
  try {
    return await ports.namespaceOf(target);
  } catch (error) {
    // An administrator prints them where nobody has logged in yet.
    if (error instanceof SameError && error.code === 'SAME1702' && target.context === undefined)
      return undefined;
    throw error;
  }
}

async function described(
  ports: Ports,
  { engine, target, context, namespace }: DescribeRequest,
): Promise<{ facts: EngineFacts; target: Target }> {
  const configured = await readTargets(ports);
  const asked = (target ?? engine)!;
  const settings = target === undefined ? undefined : configured.get(asked);
  const name = settings?.engine ?? asked;
  const facts = engines.find((one) => one.name === name);
  if (!facts) {
    const known = [...engines.map((one) => one.name), ...(target === undefined ? [] : configured.keys())];
    const meant = nearest(asked, known);
    const what = target === undefined ? 'engine' : 'target';
    throw new SameError({
      code: 'SAME1902',
      message: `unknown ${what} "${asked}"${meant === undefined ? '' : ` — did you mean ${meant}?`} (known: ${known.join(', ')})`,
      ...(configured.has(asked) ? { hint: `it is a target: same describe target ${asked}` } : {}),
    });
  }
  const given = {
    ...(context === undefined ? {} : { context }),
    ...(namespace === undefined ? {} : { namespace }),
  };
  // What only files are written for runs where `kubernetes` does.
  const place = facts.runs ? name : 'kubernetes';
  const usual = settings ?? configured.get(place) ?? (facts.isOfCluster ? configured.get('kubernetes') : {});
  // The rules of targets hold for what is said here too.
  const checked = parseTarget(place, { ...usual, ...given, engine: place });
  return { facts, target: { ...checked, name: asked } };
}

async function compared(
  ports: Ports,
  reference: string,
  target: Target,
): Promise<Required<Pick<DescribedEngine, 'program' | 'requirements'>>> {
  const { artifact } = await findProgram(ports, reference);
  using temporary = ports.files.scratch();
  const isContainer = target.engine !== 'local';
  const here = openProgramEnvironments(ports, artifact, temporary.path, true, isContainer);
  // What is on this machine says nothing of a cluster.
  const environments = isOfCluster(target.engine) ? { ...here, check: async () => [] } : here;
  const requirements = await ports.checkRequirements(artifact.program, environments, target);
  const { name, version } = artifact.program.metadata;
  return { program: { name, version, digest: artifact.digest }, requirements };
}

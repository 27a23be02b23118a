import { SameError } from '../../errors/same-error.ts';
import { canonicalize } from './canonicalize.ts';
import { compareVersions } from './compare-versions.ts';
import { type Desk, Unsupported } from './desk.ts';
import { digest } from './digest.ts';
import { pack } from './pack.ts';
import { parse } from './parse.ts';
import { parseReference } from './parse-reference.ts';
import { planSweep } from './plan-sweep.ts';
import { resolveParameters } from './resolve-parameters.ts';
import { run } from './run.ts';
import { unpack } from './unpack.ts';
import { verify } from './verify.ts';

const verbs: Record<string, (desk: Desk, input: never) => Promise<object>> = {
  parse,
  canonicalize,
  digest,
  pack,
  unpack,
  verify,
  'resolve-parameters': resolveParameters,
  'plan-sweep': planSweep,
  'parse-reference': parseReference,
  'compare-versions': compareVersions,
  run,
};

/**
 * Answers one conformance case (`conformance/README.md`) with what the tool does: what it refuses is an answer.
 * @param request `{protocol: 1, verb, input}`
 * @throws SAME1902 it is no such request
 */
export async function answer(desk: Desk, request: unknown): Promise<object> {
  const { protocol, verb, input } = (request ?? {}) as { protocol?: unknown; verb?: string; input?: never };
  if (protocol !== 1 || typeof verb !== 'string' || typeof input !== 'object' || input === null) {
    throw new SameError({
      code: 'SAME1902',
      message: 'standard input is no request of the conformance protocol',
      hint: 'see conformance/README.md',
    });
  }
  const answered = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined;
  if (!answered) return { unsupported: `no verb is called ${verb}` };
  try {
    return { ok: true, result: await answered(desk, input) };
  } catch (error) {
    if (error instanceof Unsupported) return { unsupported: error.message };
    if (!(error instanceof SameError)) throw error;
    return {
      ok: false,
      ...(verb === 'run' ? { exit: error.exitCode } : {}),
      findings: error.findings,
    };
  }
}

import { isProblem } from '../bundle/refusal.ts';
import type { ContentStore } from '../content/content-store.ts';
import { SameError } from '../errors/same-error.ts';
import type { RegistryAccess } from '../registry/registry.ts';
import { type FetchedProgram, type FetchOptions, fetchProgram } from './fetch-program.ts';
import type { Ports } from './ports.ts';
import { parseRegistryReference } from './registry-address.ts';

/** What is to be looked at, and how. */
export interface PeekOptions extends Pick<FetchOptions, 'history' | 'limits'> {
  /** `oci://…` */
  reference: string;
  access: RegistryAccess;
  /** Fetches what is in the home too. */
  anew?: boolean;
}

/** A program of a registry that is not stored here. */
export interface PeekedProgram extends FetchedProgram {
  /** `oci://HOST/REPOSITORY@sha256:…` */
  pinned: string;
  /** Reads what was fetched, as long as it is looked at. */
  content: ContentStore;
}

/**
 * Looks at a program of a registry, checked as pull checks it, without storing it: what was fetched is gone when `use`
 * is done.
 * @throws what {@link fetchProgram} says
 */
export async function peekProgram<T>(
  ports: Ports,
  options: PeekOptions,
  use: (peeked: PeekedProgram) => Promise<T>,
): Promise<T> {
  const { history, limits, anew = false } = options;
  const { address, reference } = await parseRegistryReference(ports, options.reference);
  const repository = await ports.openRepository(address, options.access);
  try {
    using scratch = ports.files.scratch();
    const content = anew ? ports.openContent(scratch.path) : ports.stageContent(scratch.path);
    const fetched = await fetchProgram(ports, repository, reference, content, { history, limits }).catch(
      (error: unknown) => {
        throw hintingAtPull(error, options.reference);
      },
    );
    return await use({ ...fetched, content, pinned: `${repository.label}@${fetched.bundle.program}` });
  } finally {
    repository.close();
  }
}

/** Those who look have no choice of runs; those who pull do. */
function hintingAtPull(error: unknown, reference: string): unknown {
  if (!isProblem(error)) return error;
  const findings = error.findings.map((finding) =>
    finding.hint?.endsWith('--history none')
      ? { ...finding, hint: `get it without what refers to it: same pull ${reference} --history none` }
      : finding,
  );
  return new SameError(findings, { cause: error.cause, details: error.details });
}

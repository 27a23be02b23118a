import { SameError } from '../errors/same-error.ts';
import { isDigest, type RepositoryPlace } from './repository-place.ts';

/** From where a repository is looked at: it gives, or it takes. */
export type Side = 'reading from' | 'writing to';

/** Errors that are about the registry; others are of who reads or writes with it, and say what they are about. */
const OWN = /^SAME(180\d|1208)$/;

/**
 * Does something with a repository; what goes wrong says the side, the repository, the digest and a next step, where it
 * does not say so itself.
 */
export async function named<T>(
  place: RepositoryPlace,
  side: Side,
  about: string | undefined,
  work: Promise<T>,
): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw withNames(place, side, about, error);
  }
}

/** The same for what is read bit by bit. */
export async function* namedStream<T>(
  place: RepositoryPlace,
  side: Side,
  about: string,
  chunks: AsyncIterable<T>,
): AsyncGenerator<T, void, undefined> {
  try {
    yield* chunks;
  } catch (error) {
    throw withNames(place, side, about, error);
  }
}

function withNames(place: RepositoryPlace, side: Side, about: string | undefined, error: unknown): unknown {
  if (!(error instanceof SameError) || !OWN.test(error.code)) return error;
  const findings = error.findings.map((finding) => ({
    ...finding,
    message: finding.message.includes(place.label)
      ? finding.message
      : `${side} ${place.label}: ${finding.message}`,
    place: finding.place ?? (isDigest(about) ? about : `${place.label}${about ? `:${about}` : ''}`),
    hint: finding.hint ?? nextStep(place, side, error),
  }));
  return new SameError(findings, { cause: error.cause ?? error, details: error.details });
}

function nextStep({ label, address }: RepositoryPlace, side: Side, { code, details }: SameError): string {
  const { why, status } = details;
  if (code === 'SAME1803') return `see what is there: same list tags ${label}`;
  if (code === 'SAME1806')
    return 'change what it refuses, or use another registry; no tag leads to what it got so far';
  if (why === 'name' || why === 'refused')
    return `see whether ${address.host} is right, and can be reached from here`;
  const passes = status === 408 || status === 429 || (typeof status === 'number' && status >= 500);
  if (why === 'cut' || why === 'slow' || passes) {
    return `try again: what is there already is not ${side === 'reading from' ? 'fetched' : 'sent'} again`;
  }
  return `tell whoever runs ${address.host}, or use another registry`;
}

import { SameError } from '../errors/same-error.ts';

/** The kinds of stores, besides the home's own, that runs can be told to (spec SAME-RUN-110). */
export const METADATA_STORES = ['mlflow', 'postgresql'] as const;

/** One of {@link METADATA_STORES}. */
export type MetadataStoreKind = (typeof METADATA_STORES)[number];

/** Where runs are told to: never with a password, which comes from the caller's environment. */
export interface MetadataStoreAddress {
  kind: MetadataStoreKind;
  /** An http(s) address of a tracking server, or a `postgresql:` address. */
  address: string;
  /** A PEM file of authorities that are trusted beside the usual ones. */
  caFile?: string;
}

const SCHEMES: Record<MetadataStoreKind, readonly string[]> = {
  mlflow: ['http:', 'https:'],
  postgresql: ['postgresql:', 'postgres:'],
};
const SHAPES: Record<MetadataStoreKind, string> = {
  mlflow: 'write it like http://HOST:5000 or https://HOST/PATH',
  postgresql: 'write it like postgresql://USER@HOST/DATABASE',
};
const LOGINS: Record<MetadataStoreKind, string> = {
  mlflow:
    'set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, where same runs',
  postgresql: 'set PGPASSWORD where same runs, or write it into ~/.pgpass',
};

/** Whether a word is a kind of store. */
export function isStoreKind(word: string): word is MetadataStoreKind {
  return (METADATA_STORES as readonly string[]).includes(word);
}

/**
 * Reads the address of a store: as it is kept, without a slash at its end.
 * @throws SAME1814 it is none of that kind, or holds what is secret: that is not shown
 */
export function parseStoreAddress(kind: MetadataStoreKind, text: string): string {
  const url = URL.parse(text);
  if (!url || !SCHEMES[kind].includes(url.protocol)) {
    // What is no URL may be anything, a password among it.
    const shown = /[@=]/.test(text) ? 'what was given' : JSON.stringify(text);
    throw invalid(`${shown} is no address of a store of kind ${kind}`, SHAPES[kind]);
  }
  const hasPassword =
    url.password !== '' ||
    [...url.searchParams.keys()].some((name) => /^(password|.*token|.*secret)$/i.test(name)) ||
    (kind === 'mlflow' && url.username !== '');
  if (hasPassword) throw invalid('the address of a store holds no login', LOGINS[kind]);
  if (kind === 'postgresql') return text;
  if (url.search !== '' || url.hash !== '')
    throw invalid(`"${text}" has more than a host and a path`, SHAPES[kind]);
  return url.href.replace(/\/+$/, '');
}

function invalid(message: string, hint: string): SameError {
  return new SameError({ code: 'SAME1814', message, hint, clause: 'SAME-RUN-110' });
}

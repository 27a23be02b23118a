import type { Descriptor } from '../bundle/oci.ts';
import { discard, type RepositoryPlace } from './repository-place.ts';
import type { RegistryAnswer } from './session.ts';

/** How much of an upload a registry has; undefined when it does not know the upload, or does not tell. */
export async function progress(
  place: RepositoryPlace,
  url: URL,
): Promise<{ at: number; url: URL } | undefined> {
  const answer = await place.session.ask({
    method: 'GET',
    url,
    scopes: place.push,
    expect: [200, 202, 204, 400, 404, 405, 501],
  });
  discard(answer.body);
  if (answer.status >= 400) return undefined;
  return { at: receivedOf(answer) ?? 0, url: locationOf(answer) ?? url };
}

/** How many bytes `Range: 0-N` says have come; `0-0` is what registries say of none as well as of one. */
export function receivedOf({ headers }: RegistryAnswer): number | undefined {
  const last = /^(?:bytes=)?0-([0-9]+)$/.exec(headers.range ?? '')?.[1];
  if (last === undefined) return undefined;
  return last === '0' ? 0 : Number(last) + 1;
}

/** Where an upload goes on, as the registry says. */
export function locationOf({ headers, url }: RegistryAnswer): URL | undefined {
  return headers.location === undefined ? undefined : (URL.parse(headers.location, url.href) ?? undefined);
}

/** The address that ends an upload. */
export function withDigest(url: URL, { digest }: Descriptor): URL {
  // Appended as text: what a registry wrote into its address stays as it wrote it.
  return new URL(`${url.href}${url.search === '' ? '?' : '&'}digest=${encodeURIComponent(digest)}`);
}

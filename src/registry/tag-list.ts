import { SameError } from '../errors/same-error.ts';
import { askWhole, pagesOf } from './answer-body.ts';
import type { RepositoryPlace } from './repository-place.ts';

/** Every tag of a repository, page by page. @throws SAME1803 no such repository · SAME1801 no list of tags */
export async function readTags(place: RepositoryPlace): Promise<string[]> {
  const what = `the list of tags of ${place.label}`;
  const page = (url: string | URL) =>
    askWhole(place, { method: 'GET', url, scopes: place.pull, expect: [200, 404] }, what);
  const first = await page(`/v2/${place.address.repository}/tags/list?n=1000`);
  if (first.status === 404) {
    throw new SameError({
      code: 'SAME1803',
      message: `there is no repository ${place.label}`,
      place: place.label,
      hint: `see whether the name is right; some registries hide what needs a login: same login ${place.address.host}`,
    });
  }
  const tags: string[] = [];
  for await (const bytes of pagesOf(first, what, page)) for (const tag of tagsIn(bytes, what)) tags.push(tag);
  return tags;
}

function tagsIn(bytes: Buffer, what: string): string[] {
  const wrong = new SameError({ code: 'SAME1801', message: `${what} is no list of tags` });
  let tags: unknown;
  try {
    tags = (JSON.parse(bytes.toString()) as { tags?: unknown }).tags ?? [];
  } catch {
    throw wrong;
  }
  if (!Array.isArray(tags) || !tags.every((tag) => typeof tag === 'string')) throw wrong;
  return tags;
}

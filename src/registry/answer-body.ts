import { SameError } from '../errors/same-error.ts';
import type { RegistryAnswer } from './session.ts';

/** The whole body of an answer. @throws SAME1304 it is longer than it may be */
export async function readBody(answer: RegistryAnswer, limitBytes: number, what: string): Promise<Buffer> {
  const tooLong = (sizeBytes: number | string) => {
    answer.body.destroy();
    return new SameError({
      code: 'SAME1304',
      message: `${what} has ${sizeBytes} bytes, over the limit of ${limitBytes}`,
    });
  };
  const said = answer.headers['content-length'];
  if (said !== undefined && Number(said) > limitBytes) throw tooLong(said);
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of answer.body as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > limitBytes) throw tooLong(`more than ${limitBytes}`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, sizeBytes);
}

/** The pages of a list, by the `Link` headers of a registry; each body at most 4 MiB. */
export async function* pagesOf(
  first: RegistryAnswer,
  what: string,
  next: (url: URL) => Promise<RegistryAnswer>,
): AsyncGenerator<Buffer> {
  const seen = new Set([first.url.href]);
  for (let answer = first; ; ) {
    yield await readBody(answer, 4 * 2 ** 20, what);
    const url = nextPage(answer);
    if (!url) return;
    const fault = seen.has(url.href)
      ? 'its pages go round in a circle'
      : url.host !== first.url.host
        ? `its next page is at another host, ${url.host}`
        : seen.size > 10_000
          ? 'it has more than 10,000 pages'
          : undefined;
    if (fault) throw new SameError({ code: 'SAME1801', message: `${what} cannot be read: ${fault}` });
    seen.add(url.href);
    answer = await next(url);
  }
}

/** The address of a `Link: <…>; rel="next"` (RFC 8288), or undefined on the last page. */
function nextPage({ headers, url }: RegistryAnswer): URL | undefined {
  const links = [headers.link ?? []].flat().join(',');
  for (const [, target, parameters] of links.matchAll(/<([^>]*)>((?:\s*;[^,<]*)*)/g)) {
    if (/;\s*rel\s*=\s*"?next"?\s*(;|$)/i.test(parameters!)) return URL.parse(target!, url.href) ?? undefined;
  }
  return undefined;
}

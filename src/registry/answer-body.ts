import { SameError } from '../errors/same-error.ts';
import { isCut } from './blob-download.ts';
import type { RepositoryPlace } from './repository-place.ts';
import type { RegistryAnswer, RegistryRequest } from './session.ts';

/** An answer that was read to its end. */
export interface WholeAnswer extends Omit<RegistryAnswer, 'body'> {
  /** Empty unless the status is 200. */
  bytes: Buffer;
}

const TRIES = 5;
const LIST_BYTES = 4 * 2 ** 20;
const PAGES_BYTES = 128 * 2 ** 20;

/** Asks for something short, again when it is cut while it is read. @throws SAME1304 it is longer than it may be */
export async function askWhole(
  { session }: RepositoryPlace,
  request: RegistryRequest,
  what: string,
  limitBytes: number = LIST_BYTES,
): Promise<WholeAnswer> {
  for (let tries = 1; ; tries++) {
    const { body, ...answer } = await session.ask(request);
    if (answer.status !== 200) {
      body.on('error', () => {}).destroy();
      return { ...answer, bytes: Buffer.alloc(0) };
    }
    try {
      return { ...answer, bytes: await readBody({ ...answer, body }, limitBytes, what) };
    } catch (error) {
      if (!isCut(error) || tries === TRIES) throw error;
      await session.pause(tries);
    }
  }
}

async function readBody(answer: RegistryAnswer, limitBytes: number, what: string): Promise<Buffer> {
  const tooLong = (sizeBytes: number | string) => {
    answer.body.on('error', () => {}).destroy();
    return overlong(what, sizeBytes, limitBytes);
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

function overlong(what: string, sizeBytes: number | string, limitBytes: number): SameError {
  return new SameError({
    code: 'SAME1304',
    message: `${what} has ${sizeBytes} bytes, over the limit of ${limitBytes}`,
    hint: 'nothing that is made by same is that long: get it from whoever published it in another way',
  });
}

/** The pages of a list, by the `Link` headers of a registry; each at most 4 MiB, all at most 128 MiB. @throws SAME1304 */
export async function* pagesOf(
  first: WholeAnswer,
  what: string,
  next: (url: URL) => Promise<WholeAnswer>,
): AsyncGenerator<Buffer> {
  const seen = new Set([first.url.href]);
  let sizeBytes = 0;
  for (let answer = first; ; ) {
    sizeBytes += answer.bytes.length;
    if (sizeBytes > PAGES_BYTES) throw overlong(what, `more than ${PAGES_BYTES}`, PAGES_BYTES);
    yield answer.bytes;
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
function nextPage({ headers, url }: WholeAnswer): URL | undefined {
  const links = [headers.link ?? []].flat().join(',');
  for (const [, target, parameters] of links.matchAll(/<([^>]*)>((?:\s*;[^,<]*)*)/g)) {
    if (/;\s*rel\s*=\s*"?next"?\s*(;|$)/i.test(parameters!)) return URL.parse(target!, url.href) ?? undefined;
  }
  return undefined;
}

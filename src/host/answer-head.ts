/** The first lines of an answer by HTTP/1.1, as far as anybody here needs them. */
export interface AnswerHead {
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  /** What follows; undefined when the answer does not say. */
  bodyBytes: number | undefined;
  /** Whether the connection ends with this answer. */
  isLast: boolean;
}

/** As much as node reads. */
const LONGEST_HEAD = 16 * 1024;
const START = 'HTTP/1.1 ';
const STATUS = /^HTTP\/1\.1 ([2-5][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[\t ]*([\t\x20-\x7e\x80-\xff]*?)[\t ]*$/;
const LENGTH = /^(0|[1-9][0-9]{0,14})$/;

/**
 * Reads the head of an answer (RFC 9112), and nothing that could be read in two ways: no line that is folded or ends with
 * a line feed alone, no name twice, no transfer coding, no length that is no plain number.
 * @param isHead whether the answer is to HEAD, which no body follows
 * @returns the head and its length, `more` while it may become one, or `odd`
 */
export function readHead(
  bytes: Buffer,
  isHead: boolean,
): { head: AnswerHead; sizeBytes: number } | 'more' | 'odd' {
  const text = bytes.toString('latin1', 0, LONGEST_HEAD);
  if (!text.startsWith(START.slice(0, text.length))) return 'odd';
  const end = text.indexOf('\r\n\r\n');
  const lines = (end < 0 ? text : text.slice(0, end)).split('\r\n');
  // While it is not whole, the last line may be a part of one.
  const part = end < 0 ? lines.pop()! : '';
  if (/[\0\n]/.test(part)) return 'odd';
  const [first, ...others] = lines;
  if (first === undefined) return text.length < LONGEST_HEAD ? 'more' : 'odd';
  const status = Number(STATUS.exec(first)?.[1]);
  if (!status) return 'odd';
  const headers: Record<string, string> = Object.create(null);
  for (const line of others) {
    const [, name, value] = HEADER.exec(line) ?? [];
    if (name === undefined || name.toLowerCase() in headers) return 'odd';
    headers[name.toLowerCase()] = value!;
  }
  if (end < 0) return text.length < LONGEST_HEAD ? 'more' : 'odd';
  const length = headers['content-length'];
  if ('transfer-encoding' in headers || (length !== undefined && !LENGTH.test(length))) return 'odd';
  const hasNone = isHead || status === 204 || status === 304;
  const bodyBytes = hasNone ? 0 : length === undefined ? undefined : Number(length);
  const isLast = headers.connection !== undefined && !/^keep-alive$/i.test(headers.connection);
  return { head: { status, headers, bodyBytes, isLast }, sizeBytes: end + 4 };
}

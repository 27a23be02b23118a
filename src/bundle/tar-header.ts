/** Tar's unit. */
export const BLOCK = 512;
/** Sizes from here on do not fit eleven octal digits and go into a PAX record. */
const PAX_SIZE = 8 * 2 ** 30;

const template = headerTemplate();
const templateSum = template.reduce((sum, byte) => sum + byte, 0);

function headerTemplate(): Buffer {
  const header = Buffer.alloc(BLOCK);
  const number = (digits: number): string => `${'0'.repeat(digits)}\0`;
  header.write(number(7) + number(7) + number(7) + number(11) + number(11), 100, 'latin1');
  header.write(' '.repeat(8), 148, 'latin1');
  header.write('ustar\u000000', 257, 'latin1');
  return header;
}

/** How many bytes of zeros follow a body of this length. */
export function paddingOf(sizeBytes: number): number {
  return (BLOCK - (sizeBytes % BLOCK)) % BLOCK;
}

/**
 * The header of one file in `same-tar/v1` (spec chapter bundle): one block, or a PAX header, its records and the block.
 * The same bytes as CPython's `TarInfo.tobuf(PAX_FORMAT)`.
 */
export function tarHeader(path: string, executable: boolean, sizeBytes: number): Buffer {
  const mode = executable ? 0o755 : 0o644;
  const ascii = !/[^\x00-\x7f]/.test(path);
  if (ascii && path.length <= 100 && sizeBytes < PAX_SIZE) return ustarBlock(path, mode, sizeBytes, '0');
  const records: string[] = [];
  if (!ascii || path.length > 100) records.push(paxRecord('path', path));
  if (sizeBytes >= PAX_SIZE) records.push(paxRecord('size', String(sizeBytes)));
  const pax = Buffer.from(records.join(''), 'utf8');
  const name = ascii ? path : path.replaceAll(/[^\x00-\x7f]/gu, '?');
  return Buffer.concat([
    ustarBlock('././@PaxHeader', 0, pax.length, 'x'),
    pax,
    Buffer.alloc(paddingOf(pax.length)),
    ustarBlock(name.slice(0, 100), mode, sizeBytes < PAX_SIZE ? sizeBytes : 0, '0'),
  ]);
}

function ustarBlock(name: string, mode: number, sizeBytes: number, type: '0' | 'x'): Buffer {
  const header = Buffer.from(template);
  header.write(name, 0, 'latin1');
  let sum = templateSum;
  for (let i = 0; i < name.length; i++) sum += name.charCodeAt(i);
  sum += writeOctal(header, mode, 106) + writeOctal(header, sizeBytes, 134);
  header[156] = type.charCodeAt(0);
  sum += header[156];
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

/** Writes octal digits that end at `last` over the template's zeros. @returns what they add to the checksum. */
function writeOctal(header: Buffer, value: number, last: number): number {
  let sum = 0;
  for (let at = last, rest = value; rest > 0; at--) {
    const digit = rest % 8;
    header[at] = 0x30 + digit;
    sum += digit;
    rest = (rest - digit) / 8;
  }
  return sum;
}

function paxRecord(key: string, value: string): string {
  const rest = Buffer.byteLength(key) + Buffer.byteLength(value) + 3;
  let length = rest;
  while (rest + String(length).length !== length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

/** What one header block says, unchecked but for its type: the caller compares it with {@link tarHeader}. */
export interface RawHeader {
  name: string;
  executable: boolean;
  sizeBytes: number;
  /** The type flag, `0` or `x` when it may be here. */
  type: string;
}

/** Reads the fields of a header block that `same-tar/v1` varies. */
export function readHeaderBlock(block: Buffer): RawHeader {
  let end = 0;
  while (end < 100 && block[end] !== 0) end++;
  let sizeBytes = 0;
  for (let at = 124; at < 135; at++) {
    const digit = block[at]! - 0x30;
    // Not octal: any value will do, since the comparison with the canonical header fails.
    if (digit < 0 || digit > 7) return { name: '', executable: false, sizeBytes: 0, type: typeOf(block) };
    sizeBytes = sizeBytes * 8 + digit;
  }
  return {
    name: block.toString('latin1', 0, end),
    // 0755 differs from 0644 in the owner's digit, the fifth of seven.
    executable: block[104] === 0x37,
    sizeBytes,
    type: typeOf(block),
  };
}

function typeOf(block: Buffer): string {
  return String.fromCharCode(block[156]!);
}

/** Reads PAX records; undefined when they are not `path` and `size` records. */
export function readPax(body: Buffer): { path?: string; sizeBytes?: number } | undefined {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    return undefined;
  }
  const match = /^(?:[0-9]+ path=([^\n\0]+)\n)?(?:[0-9]+ size=([0-9]{10,16})\n)?$/.exec(text);
  if (!match) return undefined;
  const size = match[2];
  return { path: match[1], sizeBytes: size === undefined ? undefined : Number(size) };
}

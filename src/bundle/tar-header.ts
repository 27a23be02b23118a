/** Tar's unit. */
export const BLOCK = 512;
/** Sizes from here on do not fit eleven octal digits and go into a PAX record. */
const PAX_SIZE = 8 * 2 ** 30;

/** Made when it is needed: many commands load this and write no archive. */
let template: Buffer | undefined;
let templateSum = 0;

function headerTemplate(): Buffer {
  const header = Buffer.alloc(BLOCK);
  const number = (digits: number): string => `${'0'.repeat(digits)}\0`;
  header.write(number(7) + number(7) + number(7) + number(11) + number(11), 100, 'latin1');
  header.write(' '.repeat(8), 148, 'latin1');
  header.write('ustar\u000000', 257, 'latin1');
  templateSum = header.reduce((sum, byte) => sum + byte, 0);
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
  template ??= headerTemplate();
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
  /** Zero where it is no octal number, so that the header is none of ours. */
  sizeBytes: number;
  isSized: boolean;
  /** The type flag, `0` or `x` when it may be here. */
  type: string;
}

/** Reads the fields of a header block that `same-tar/v1` varies. */
export function readHeaderBlock(block: Buffer): RawHeader {
  let end = 0;
  while (end < 100 && block[end] !== 0) end++;
  let sizeBytes = 0;
  let isSized = block[135] === 0;
  for (let at = 124; at < 135 && isSized; at++) {
    const digit = block[at]! - 0x30;
    isSized = digit >= 0 && digit <= 7;
    sizeBytes = isSized ? sizeBytes * 8 + digit : 0;
  }
  return {
    name: block.toString('latin1', 0, end),
    // 0755 differs from 0644 in the owner's digit, the fifth of seven.
    executable: block[104] === 0x37,
    sizeBytes,
    isSized,
    type: String.fromCharCode(block[156]!),
  };
}

/** What PAX records say. */
export interface PaxFields {
  /** Undefined where there is no such record; null where its bytes are not UTF-8. */
  path?: string | null;
  sizeBytes?: number;
}

/** Reads PAX records, each as long as it says; undefined when they are not one `path`, one `size` or both. */
export function readPax(body: Buffer): PaxFields | undefined {
  const fields: PaxFields = {};
  for (let at = 0; at < body.length; ) {
    const digits = /^([1-9][0-9]{0,9}) /.exec(body.toString('latin1', at, at + 11))?.[1];
    const end = at + Number(digits);
    if (digits === undefined || end > body.length || body[end - 1] !== 0x0a) return undefined;
    const record = body.subarray(at + digits.length + 1, end - 1);
    const equals = record.indexOf('=');
    const key = record.toString('latin1', 0, Math.max(equals, 0));
    const value = record.subarray(equals + 1);
    if (key === 'path' && fields.path === undefined) fields.path = decoded(value);
    else if (key === 'size' && fields.sizeBytes === undefined) {
      const text = value.toString('latin1');
      if (!/^[0-9]{1,16}$/.test(text)) return undefined;
      fields.sizeBytes = Number(text);
    } else return undefined;
    at = end;
  }
  return fields;
}

function decoded(bytes: Buffer): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Whether a header block has the sum that it says, so that its size can be believed. */
export function hasChecksum(block: Buffer): boolean {
  let sum = 0;
  for (let at = 0; at < BLOCK; at++) sum += at >= 148 && at < 156 ? 0x20 : block[at]!;
  return Number.parseInt(block.toString('latin1', 148, 156).replace(/[\0 ]+$/, ''), 8) === sum;
}

/** Where the fields of a header are, and the clause that says what is in them. */
const FIELDS: [end: number, clause: string, what: string, number?: true][] = [
  [100, 'SAME-BND-007', 'name'],
  [108, 'SAME-BND-004', 'mode', true],
  [116, 'SAME-BND-004', 'user', true],
  [124, 'SAME-BND-004', 'group', true],
  [136, 'SAME-BND-005', 'size', true],
  [148, 'SAME-BND-004', 'time', true],
  [156, 'SAME-BND-005', 'checksum'],
  [157, 'SAME-BND-001', 'type'],
  [257, 'SAME-BND-005', 'link name'],
  [265, 'SAME-BND-004', 'magic or version'],
  [329, 'SAME-BND-004', 'user or group name'],
  [345, 'SAME-BND-004', 'device number'],
  [500, 'SAME-BND-004', 'prefix'],
  [BLOCK, 'SAME-BND-005', 'end'],
];

/** The first field of a header block that is not as it has to be; a wrong checksum counts only by itself. */
export function headerFault(
  block: Buffer,
  expected: Buffer,
  afterPax: boolean,
): { clause: string; what: string } {
  let start = 0;
  for (const [end, clause, what, isNumber] of FIELDS) {
    const field = block.subarray(start, end);
    const same = what === 'checksum' || field.equals(expected.subarray(start, end));
    start = end;
    if (same) continue;
    if (isNumber && !/^[0-7]+\0$/.test(field.toString('latin1'))) return { clause: 'SAME-BND-005', what };
    return what === 'name' && !afterPax ? { clause: 'SAME-BND-005', what } : { clause, what };
  }
  return { clause: 'SAME-BND-005', what: 'checksum' };
}

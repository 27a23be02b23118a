/** Bytes in a case: exactly one of these forms. */
export type Bytes =
  | { text: string }
  | { base64: string }
  | { hex: string }
  | { repeat: Bytes; times: number }
  | { concat: Bytes[] };

/** Text or bytes for one field of a tar header, written as they are; the rest of the field is NUL. */
export type Field = string | Bytes;

/** Fields of a header block that a description may set against the rules. */
export type HeaderFields = Partial<Record<keyof typeof FIELDS, Field>>;

/** One member of a tar, with its content's bytes known. */
export interface TarMember {
  path: string | Bytes;
  executable?: boolean;
  content: Buffer;
  /** Set against the rules, after all else; the checksum follows unless it is among them. */
  header?: HeaderFields;
  /** false: no PAX header although one is due. Records or bytes: a PAX header although none is, or another one. */
  pax?: false | { records?: [string, string | Bytes][]; bytes?: Bytes; header?: HeaderFields };
  /** Bytes in place of the padding. */
  padding?: Bytes;
}

const BLOCK = 512;
const PAX_SIZE = 8 * 2 ** 30;

/** Offset and length of each field of a header block. */
const FIELDS = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  linkname: [157, 100],
  magic: [257, 6],
  version: [263, 2],
  uname: [265, 32],
  gname: [297, 32],
  devmajor: [329, 8],
  devminor: [337, 8],
  prefix: [345, 155],
  rest: [500, 12],
} as const;

/** The bytes that a description of bytes means. */
export function bytesOf(bytes: Bytes): Buffer {
  if ('text' in bytes) return Buffer.from(bytes.text, 'utf8');
  if ('base64' in bytes) return Buffer.from(bytes.base64, 'base64');
  if ('hex' in bytes) return Buffer.from(bytes.hex.replaceAll(' ', ''), 'hex');
  if ('concat' in bytes) return Buffer.concat(bytes.concat.map(bytesOf));
  if ('repeat' in bytes) {
    const piece = bytesOf(bytes.repeat);
    return piece.length === 0 ? piece : Buffer.alloc(piece.length * bytes.times, piece);
  }
  throw new Error(`no bytes: ${JSON.stringify(bytes)}`);
}

/** A tar of these members, in their order, as spec chapter bundle has it where no member says otherwise. */
export function tarBytes(members: readonly TarMember[], end: Buffer = Buffer.alloc(2 * BLOCK)): Buffer {
  return Buffer.concat([...members.flatMap(memberBytes), end]);
}

function memberBytes(member: TarMember): Buffer[] {
  const { content, executable, header, pax } = member;
  const path = rawText(member.path);
  const plain = isAscii(path) && path.length <= 100 && content.length < PAX_SIZE;
  const records = duePax(path, content.length);
  const pieces: Buffer[] = [];
  if (pax !== false && (pax !== undefined || !plain)) {
    const body = pax?.bytes
      ? bytesOf(pax.bytes)
      : Buffer.concat((pax?.records ?? records).map(([key, value]) => paxRecord(key, rawText(value))));
    const fields = { name: '././@PaxHeader', mode: '0000000', size: octal(body.length, 11), type: 'x' };
    pieces.push(headerBlock({ ...fields, ...pax?.header }), body, paddingOf(body.length));
  }
  const name = isAscii(path) || pax === false ? path : Buffer.from(shortName(path), 'latin1');
  const own = {
    name: bytesField(name.subarray(0, 100)),
    mode: executable ? '0000755' : '0000644',
    size: octal(content.length < PAX_SIZE ? content.length : 0, 11),
    type: '0',
  };
  pieces.push(headerBlock({ ...own, ...header }), content);
  pieces.push(member.padding ? bytesOf(member.padding) : paddingOf(content.length));
  return pieces;
}

function headerBlock(fields: HeaderFields): Buffer {
  const all: HeaderFields = {
    uid: '0000000',
    gid: '0000000',
    mtime: '00000000000',
    checksum: ' '.repeat(8),
    magic: { text: 'ustar\0' },
    version: '00',
    ...fields,
  };
  const block = Buffer.alloc(BLOCK);
  for (const [name, [offset, length]] of Object.entries(FIELDS)) {
    const value = all[name as keyof typeof FIELDS];
    if (value !== undefined) rawText(value).copy(block, offset, 0, length);
  }
  if (fields.checksum === undefined) {
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.write(`${octal(sum, 6)}\0 `, FIELDS.checksum[0], 'latin1');
  }
  return block;
}

function duePax(path: Buffer, sizeBytes: number): [string, Bytes][] {
  const records: [string, Bytes][] = [];
  if (!isAscii(path) || path.length > 100) records.push(['path', bytesField(path)]);
  if (sizeBytes >= PAX_SIZE) records.push(['size', { text: String(sizeBytes) }]);
  return records;
}

/** `LENGTH KEY=VALUE` and a line feed, LENGTH counting itself. */
function paxRecord(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from('\n')]);
  let digits = 1;
  while (String(rest.length + digits).length > digits) digits++;
  return Buffer.concat([Buffer.from(String(rest.length + digits)), rest]);
}

/** A path in ASCII: each code point beyond is one question mark, and so is each byte that is no UTF-8. */
function shortName(path: Buffer): string {
  return path.toString('utf8').replaceAll(/[^\x00-\x7f]/gu, '?');
}

function rawText(value: Field): Buffer {
  return typeof value === 'string' ? Buffer.from(value, 'utf8') : bytesOf(value);
}

function bytesField(bytes: Buffer): Bytes {
  return { base64: bytes.toString('base64') };
}

function isAscii(bytes: Buffer): boolean {
  return bytes.every((byte) => byte < 0x80);
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}

function paddingOf(sizeBytes: number): Buffer {
  return Buffer.alloc((BLOCK - (sizeBytes % BLOCK)) % BLOCK);
}

/** The members of a tar that is as it should be, read without any check: what goldens are taken apart with. */
export function tarMembers(tar: Buffer): TarMember[] {
  const members: TarMember[] = [];
  let path: string | undefined;
  for (let at = 0; at + BLOCK <= tar.length && tar[at] !== 0; ) {
    const text = (offset: number, length: number) =>
      tar.toString('latin1', at + offset, at + offset + length).replace(/\0.*$/s, '');
    const size = Number.parseInt(text(...FIELDS.size), 8);
    const content = tar.subarray(at + BLOCK, at + BLOCK + size);
    if (text(...FIELDS.type) === 'x') path = /^[0-9]+ path=(.*)\n$/s.exec(content.toString('utf8'))?.[1];
    else {
      const executable = text(...FIELDS.mode) === '0000755';
      members.push({ path: path ?? text(...FIELDS.name), ...(executable ? { executable } : {}), content });
      path = undefined;
    }
    at += BLOCK + size + paddingOf(size).length;
  }
  return members;
}

/** One message of a protocol buffer as its fields, by number, in the order in which they stand there. */
type Fields = { number: number; value: bigint | Buffer }[];

/** One record of an event file. */
export interface EventRecord {
  /** Where it begins, in bytes. */
  offset: number;
  bytes: Buffer;
}

/** Why an event file cannot be read, and where. */
export interface EventFault {
  offset: number;
  because: string;
  /** The file ends within a record, as when its writer was killed. */
  torn?: true;
}

/**
 * The records of an event file (TFRecord): length in eight bytes, its masked CRC-32C in four, the bytes, theirs in four,
 * all little-endian.
 */
export function readEventRecords(file: Buffer): { records: EventRecord[]; fault?: EventFault } {
  const records: EventRecord[] = [];
  for (let offset = 0; offset < file.length; ) {
    const torn = { offset, because: 'the file ends within a record', torn: true } as const;
    if (offset + 12 > file.length) return { records, fault: torn };
    if (file.readUInt32LE(offset + 8) !== maskedCrc(file.subarray(offset, offset + 8)))
      return { records, fault: { offset, because: 'the check sum of a length is wrong' } };
    const length = Number(file.readBigUInt64LE(offset));
    const end = offset + 12 + length;
    if (end + 4 > file.length) return { records, fault: torn };
    const bytes = file.subarray(offset + 12, end);
    if (file.readUInt32LE(end) !== maskedCrc(bytes))
      return { records, fault: { offset, because: 'the check sum of a record is wrong' } };
    records.push({ offset, bytes });
    offset = end + 4;
  }
  return { records };
}

/** Reads a message of a protocol buffer. @returns undefined when the bytes are none */
export function readMessage(bytes: Buffer): Message | undefined {
  const fields: Fields = [];
  let at = 0;
  const varint = (): bigint | undefined => {
    let value = 0n;
    for (let shift = 0n; shift < 70n && at < bytes.length; shift += 7n) {
      const byte = bytes[at++]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    return undefined;
  };
  while (at < bytes.length) {
    const tag = varint();
    if (tag === undefined || tag >> 3n === 0n) return undefined;
    const number = Number(tag >> 3n);
    const kind = Number(tag & 7n);
    if (kind === 0) {
      const value = varint();
      if (value === undefined) return undefined;
      fields.push({ number, value });
      continue;
    }
    const length = kind === 1 ? 8n : kind === 5 ? 4n : kind === 2 ? varint() : undefined;
    if (length === undefined || BigInt(at) + length > BigInt(bytes.length)) return undefined;
    fields.push({ number, value: bytes.subarray(at, at + Number(length)) });
    at += Number(length);
  }
  return new Message(fields);
}

/** A message's fields by what they are read as; of one that stands there more than once the last counts. */
export class Message {
  readonly #fields: Fields;

  constructor(fields: Fields) {
    this.#fields = fields;
  }

  has(number: number): boolean {
    return this.#fields.some((field) => field.number === number);
  }

  #last(number: number): bigint | Buffer | undefined {
    return this.#fields.findLast((field) => field.number === number)?.value;
  }

  /** Every field of this number that is bytes. */
  all(number: number): Buffer[] {
    return this.#fields.flatMap(({ number: own, value }) =>
      own === number && Buffer.isBuffer(value) ? [value] : [],
    );
  }

  bytes(number: number): Buffer | undefined {
    return this.all(number).at(-1);
  }

  text(number: number): string {
    return this.bytes(number)?.toString('utf8') ?? '';
  }

  /** A message in this one; an empty one where there is none, undefined where the bytes are none. */
  message(number: number): Message | undefined {
    return readMessage(this.bytes(number) ?? Buffer.alloc(0));
  }

  integer(number: number): number {
    const value = this.#last(number);
    return typeof value === 'bigint' ? Number(BigInt.asIntN(64, value)) : 0;
  }

  double(number: number): number | undefined {
    const value = this.bytes(number);
    return value?.length === 8 ? value.readDoubleLE() : undefined;
  }

  float(number: number): number | undefined {
    const value = this.bytes(number);
    return value?.length === 4 ? shortest(value.readFloatLE()) : undefined;
  }
}

/** The shortest decimal that is this single-precision number: what was logged, more likely than its double. */
export function shortest(value: number): number {
  for (let digits = 1; digits < 10; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}

let table: Uint32Array | undefined;

function maskedCrc(bytes: Uint8Array): number {
  table ??= Uint32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    return crc;
  });
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ table[(crc ^ byte) & 0xff]!;
  crc = ~crc >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

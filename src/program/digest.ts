const SHA256 = /^sha256:([0-9a-f]{64})$/;

/** Whether something is the digest of bytes as all that is stored or named by digests has it: `sha256:` and 64 digits. */
export function isSha256(value: unknown): value is string {
  return typeof value === 'string' && SHA256.test(value);
}

/** The 64 hexadecimal digits of such a digest, or nothing. */
export function hexOfSha256(text: string): string | undefined {
  return SHA256.exec(text)?.[1];
}

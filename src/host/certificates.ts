import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { SameError } from '../errors/same-error.ts';

/** PEM texts of the authorities that vouch for servers: Node's own with NODE_EXTRA_CA_CERTS, the system's, SSL_CERT_FILE. */
export function trusted(): string[] {
  const { getCACertificates } = process.getBuiltinModule('node:tls');
  const file = process.env.SSL_CERT_FILE;
  const own = file && existsSync(file) ? [readFileSync(file, 'utf8')] : getCACertificates('system');
  return [...getCACertificates('default'), ...own];
}

/**
 * Certificates that a user names with `--ca FILE`.
 * @returns the file's PEM text, of which every certificate has been read
 * @throws SAME1805 the file cannot be read, or has no certificate, or a damaged one
 */
export function readCertificates(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw unusable(path, (error as NodeJS.ErrnoException).code ?? 'it cannot be read', error);
  }
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g);
  if (!certificates) throw unusable(path, 'it has no certificate in PEM form');
  try {
    for (const certificate of certificates) new X509Certificate(certificate);
  } catch (error) {
    throw unusable(path, 'it has a damaged certificate', error);
  }
  return certificates.join('\n');
}

function unusable(path: string, why: string, cause?: unknown): SameError {
  const message = `the certificates of ${path} cannot be used: ${why}`;
  const hint = "--ca takes a PEM file of the authority that signed the server's certificate";
  return new SameError({ code: 'SAME1805', message, place: '--ca', hint }, { cause });
}

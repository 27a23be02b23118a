import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

/** Files of an own certificate authority and of a server for localhost that it vouches for. */
export interface Certificates {
  caFile: string;
  certificateFile: string;
  keyFile: string;
}

/** Makes a CA and a certificate for localhost, 127.0.0.1 and ::1 in a directory, with openssl. */
export function makeCertificates(directory: string): Certificates {
  const at = (name: string): string => join(directory, name);
  const openssl = (...words: string[]): void => {
    execFileSync('openssl', words, { cwd: directory, stdio: 'pipe' });
  };
  for (const name of ['ca', 'server']) {
    openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${name}.key`);
  }
  openssl(
    ...[
      'req',
      '-x509',
      '-new',
      '-key',
      'ca.key',
      '-sha256',
      '-days',
      '30',
      '-subj',
      '/CN=same test CA',
      '-out',
      'ca.crt',
    ],
    ...['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
  );
  openssl('req', '-new', '-key', 'server.key', '-subj', '/CN=localhost', '-out', 'server.csr');
  writeFileSync(
    at('server.ext'),
    [
      'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1',
      'extendedKeyUsage=serverAuth',
      'basicConstraints=CA:FALSE',
      '',
    ].join('\n'),
  );
  openssl(
    ...[
      'x509',
      '-req',
      '-in',
      'server.csr',
      '-CA',
      'ca.crt',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-days',
      '30',
    ],
    ...['-sha256', '-extfile', 'server.ext', '-out', 'server.crt'],
  );
  return { caFile: at('ca.crt'), certificateFile: at('server.crt'), keyFile: at('server.key') };
}

/** The same for the tests of one file, in a directory that is removed after them. */
export function certificatesForTests(): Certificates & { directory: string } {
  const directory = mkdtempSync(join(tmpdir(), 'certificates-'));
  after(() => rmSync(directory, { recursive: true, force: true }));
  return { directory, ...makeCertificates(directory) };
}

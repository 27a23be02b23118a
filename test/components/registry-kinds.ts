import { join } from 'node:path';
import type { Certificates } from './certificates.ts';
import { goTool, missing } from './installed.ts';

/** The real registries of these tests; what they support differs. */
export const kinds = ['docker-registry', 'distribution', 'go-containerregistry'] as const;

/**
 * - `docker-registry`: Debian's, distribution 2.8: no referrers API, takes pieces of an upload in any order;
 * - `distribution`: version 3: no referrers API either, stricter with uploads;
 * - `go-containerregistry`: with the referrers API, which tells no OCI-Subject.
 */
export type RegistryKind = (typeof kinds)[number];

/** What a registry is started with. */
export interface Order {
  directory: string;
  /** Of the server; without them it speaks plain HTTP. */
  tls?: Certificates;
  /** Asked for on every request; `htpasswd` is a file with the same, in bcrypt. */
  login?: { user: string; password: string; htpasswd: string };
}

/** How a registry is started. */
export interface Launch {
  command: string;
  words: string[];
  /** Goes to its stdin, which stays open; it has none otherwise. */
  input?: string;
  /** Finds the port in what it prints when it listens. */
  listening: RegExp;
  /** A file that has to be there before. */
  file?: { path: string; text: string };
}

/** Why a registry cannot run on this machine, or undefined when it can. Nothing is left out under CI. */
export function unavailable(kind: RegistryKind = 'docker-registry'): string | undefined {
  if (process.env.CI) return undefined;
  if (kind === 'docker-registry') return missing('docker-registry', 'openssl');
  return goTool('registries') ? missing('openssl') : `not on this machine: ${kind}`;
}

/** Tells how a registry is started. */
export function launch(kind: RegistryKind, order: Order): Launch {
  if (kind === 'docker-registry') {
    const path = join(order.directory, 'config.json');
    return {
      command: kind,
      words: ['serve', path],
      listening: /listening on 127\.0\.0\.1:(\d+)/,
      file: { path, text: JSON.stringify(dockerRegistry(order)) },
    };
  }
  const { directory, tls, login } = order;
  const files = tls && { certificate: tls.certificateFile, key: tls.keyFile };
  return {
    command: goTool('registries') ?? 'registries',
    words: [],
    input: `${JSON.stringify({ kind, directory: join(directory, 'data'), tls: files, login })}\n`,
    listening: /listening on 127\.0\.0\.1:(\d+)/,
  };
}

function dockerRegistry({ directory, tls, login }: Order): unknown {
  return {
    version: '0.1',
    log: { level: 'info', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(directory, 'data') }, delete: { enabled: true } },
    http: {
      addr: '127.0.0.1:0',
      secret: 'of these tests',
      ...(tls ? { tls: { certificate: tls.certificateFile, key: tls.keyFile } } : {}),
    },
    ...(login ? { auth: { htpasswd: { realm: 'tests', path: login.htpasswd } } } : {}),
  };
}

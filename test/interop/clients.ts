import { copyFileSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { findOras, goTool, missing } from '../components/installed.ts';
import type { Registry } from '../components/registry.ts';
import type { Rig } from '../e2e/rig.ts';
import { tool } from './study.ts';

/** Clients of registries that others made; logins come from docker's file below the rig's user, trust from the CA. */
export interface Clients {
  /** Words of a command that talks to one registry, or to the two ends of a copy. */
  oras(words: string[], ends?: readonly End[]): Buffer;
  skopeo(from: string, to: string): void;
  crane(...words: string[]): Buffer;
  regctl(...words: string[]): Buffer;
}

/** An end of a copy that is a registry. */
export type End = 'from-' | 'to-';

/** Why the clients cannot be used on this machine, for `skip`; under CI nothing is left out. */
export function noClients(): string | false {
  if (process.env.CI) return false;
  const absent = [
    ...(findOras() ? [] : ['oras']),
    ...(goTool('crane') && goTool('regctl') ? [] : ['crane', 'regctl']),
  ];
  return missing('skopeo') ?? (absent.length > 0 && `not on this machine: ${absent.join(', ')}`);
}

/** Opens the clients for a rig; `writeLogins` is to be called before. */
export function openClients(rig: Rig, caFile: string): Clients {
  const oras = findOras() ?? 'oras';
  const authorities = rig.path('authorities');
  mkdirSync(authorities, { recursive: true });
  copyFileSync(caFile, rig.path('authorities/ca.crt'));
  const trusting = (name: 'crane' | 'regctl', words: string[]): Buffer =>
    tool(rig, 'env', [`SSL_CERT_FILE=${caFile}`, goTool(name) ?? name, ...words]);
  return {
    oras(words, ends) {
      // oras speaks plain HTTP to localhost unless it is told.
      const trust = (ends ?? ['']).flatMap((end) => [
        `--${end}ca-file=${caFile}`,
        `--${end}plain-http=false`,
      ]);
      return tool(rig, oras, [...words, ...trust]);
    },
    skopeo(from, to) {
      const side = (end: 'src' | 'dest', address: string): string[] =>
        address.startsWith('docker:') ? [`--${end}-cert-dir`, authorities] : [];
      const words = ['--insecure-policy', 'copy', '--quiet', ...side('src', from), ...side('dest', to)];
      tool(rig, 'skopeo', [...words, from, to]);
    },
    crane: (...words) => trusting('crane', words),
    regctl: (...words) => trusting('regctl', words),
  };
}

/** Writes docker's file of logins, as `docker login` would, below the rig's user. @returns its directory */
export function writeLogins(rig: Rig, registries: readonly Registry[]): string {
  const auths = registries.map(({ host, user, password }) => [
    host,
    { auth: Buffer.from(`${user}:${password}`).toString('base64') },
  ]);
  const file = 'user/.docker/config.json';
  rig.write({ [file]: JSON.stringify({ auths: Object.fromEntries(auths) }) });
  return dirname(rig.path(file));
}

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { missing } from '../components/installed.ts';
import { checkout, type Ended, type Rig } from '../e2e/rig.ts';

/** The digests of a bundle, as `--json` prints them. */
export interface Digests {
  program: string;
  index: string;
  archive: string;
  file: string;
}

/** A program in three forms, exported from one home. */
export interface Exported {
  tag: string;
  /** In gzip; the name has no colon, since skopeo and tar take one for something else. */
  tgz: string;
  /** The bare archive. */
  tar: string;
  /** The directory. */
  oci: string;
  /** Of the `.tgz`; the others' differ in the file's alone. */
  digests: Digests;
}

/** Files of a study whose names and modes are as hard as they may be. */
export const hardStudy: Record<string, string> = {
  'same.yaml': `apiVersion: same/v1
kind: Program
metadata: {name: hard, version: "2.0-rc.1+build.5", title: Ünïcode, license: Apache-2.0}
pipeline: {steps: {main: {run: "sh bin/tool.sh > {{outputs.o}}", outputs: {o: {}}}}}
`,
  'README.md': '# Hard\n',
  LICENSE: 'Apache-2.0\n',
  'bin/tool.sh!': '#!/bin/sh\nprintf made\n',
  'data/empty.txt': '',
  'data/Ünïcode/日本語/данные.csv': 'a,b\n1,2\n',
  'data/🧪 emoji/שלום.txt': 'rtl\n',
  [`data/${'long'.repeat(20)}/${'name'.repeat(20)}.txt`]: 'over a hundred bytes\n',
  [`data/${'é'.repeat(126)}.md`]: 'two bytes each\n',
  'data/block.bin': 'x'.repeat(512),
  'data/blocks.bin': 'y'.repeat(10_241),
};

/** Runs `same` and asserts that it succeeds. */
export async function works(rig: Rig, words: string[], home?: string): Promise<Ended> {
  const ended = await rig.same(words, { cwd: rig.root, ...(home ? { env: { SAME_HOME: home } } : {}) });
  assert.equal(ended.code, 0, `same ${words.join(' ')}\n${ended.stderr}`);
  return ended;
}

/** Runs another tool below the rig's root and gives what it printed. @throws when it fails or takes over a minute */
export function tool(rig: Rig, command: string, words: string[], input?: string | Buffer): Buffer {
  const { status, stdout, stderr, error } = spawnSync(command, words, {
    cwd: rig.root,
    input: input ?? '',
    maxBuffer: 2 ** 28,
    timeout: 60_000,
    env: { PATH: process.env.PATH, HOME: rig.path('user'), LC_ALL: 'C.UTF-8', TMPDIR: rig.root },
  });
  assert.equal(status, 0, `${command} ${words.join(' ')}\n${error ?? ''}${stderr}`);
  return stdout;
}

/** Writes a program of the home in the three forms, below `FORM/` of the rig's root, with the runs asked for. */
export async function exportForms(rig: Rig, reference: string, history = 'all'): Promise<Exported> {
  const [name, version] = reference.split(':') as [string, string];
  const file = (ending: string): string => `${name}${ending}`;
  const write = async (form: string, to: string): Promise<Digests> => {
    const words = ['export', '-n', reference, '--history', history, '--format', form, '-o', to, '--json'];
    return (await works(rig, words)).json().digests;
  };
  const digests = await write('tgz', file('.tgz'));
  for (const [form, to] of [
    ['oci-tar', file('.tar')],
    ['oci-dir', file('.oci')],
  ] as const) {
    const { program, index, archive } = await write(form, to);
    assert.deepEqual({ program, index, archive }, only(digests));
  }
  return {
    tag: version.replace('+', '_'),
    tgz: file('.tgz'),
    tar: file('.tar'),
    oci: file('.oci'),
    digests,
  };
}

/** The digests that are the same in every form. */
export function only({ program, index, archive }: Digests): Omit<Digests, 'file'> {
  return { program, index, archive };
}

/** A study of examples/, created and run once in the rig's home. */
export async function exampleWithRun(rig: Rig, name: string, words: string[] = []): Promise<string> {
  await works(rig, ['create', '-f', join(checkout, 'examples', name)]);
  await works(rig, ['run', `${name}:1.0`, ...words]);
  return `${name}:1.0`;
}

/** The study of hard names, created and run once in the rig's home. */
export async function hardWithRun(rig: Rig): Promise<string> {
  rig.write(Object.fromEntries(Object.entries(hardStudy).map(([path, text]) => [`hard/${path}`, text])));
  await works(rig, ['create', '-f', 'hard']);
  await works(rig, ['run', 'hard:2.0-rc.1+build.5']);
  return 'hard:2.0-rc.1+build.5';
}

/** The sha256 digest of bytes. */
export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** A descriptor as an index or a manifest holds it. */
export interface Described {
  mediaType: string;
  artifactType?: string;
  digest: string;
  size: number;
}

/** The manifests that a bundle's directory lists, and every blob that each of them reaches, itself included. */
export function manifestsOf(rig: Rig, { oci }: Exported): { self: Described; blobs: Described[] }[] {
  const json = (path: string) => JSON.parse(readFileSync(rig.path(oci, path), 'utf8'));
  return (json('index.json').manifests as Described[]).map((self) => {
    const { config, layers } = json(`blobs/sha256/${self.digest.slice(7)}`);
    return { self, blobs: [self, config, ...layers] };
  });
}

/** Why tools are not to be had, for `skip`; under CI nothing is left out. */
export function unless(...commands: string[]): string | false {
  return process.env.CI ? false : (missing(...commands) ?? false);
}

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findOras } from '../test/components/installed.ts';
import { type Registry, startRegistry } from '../test/components/registry.ts';
import { type Content, contents } from './content.ts';
import { bareNode, type Contestant, type Program, type Row, same, shell } from './contestant.ts';

/** What a client may hold in memory, however long a blob is. */
const MOST_BYTES = 150e6;
const plain = ['--plain-http', '-q'];
const oras = findOras() ?? 'oras';

/** P9, pushing what is there already, and P10, pushing and pulling for the first time; on docker-registry, plain HTTP. */
export function registryRows(directory: string): Row[] {
  const [long] = contents;
  return [
    ...contents.map((content) => row(directory, content, `P9 ${content.label}`, pushAgain)),
    row(directory, long, 'P10 push 1 GiB', firstPush),
    row(directory, long, 'P10 pull 1 GiB', firstPull),
  ];
}

interface Place extends Content {
  registry: Registry;
  /** Of the program, below the directory of all rows. */
  folder: string;
  /** Where the same program is pushed by others, and to what `same` pushes. */
  address: string;
}

function row(directory: string, content: Content, name: string, program: (place: Place) => Program): Row {
  let registry: Registry | undefined;
  return {
    name,
    mostRuns: content === contents[0] ? 3 : 5,
    needs: ['docker-registry', 'curl', 'jq'],
    async open() {
      const folder = join('registry', content.name);
      if (!existsSync(join(directory, folder))) content.write(join(directory, folder));
      registry = await startRegistry({ plainHttp: true });
      return program({ ...content, registry, folder, address: `${registry.host}/lab/${content.name}:1.0` });
    },
    async close() {
      await registry?.dispose();
    },
  };
}

/** The floor starts a node and asks with curl for the tag and each blob. */
function pushAgain({ name, registry, folder, address }: Place): Program {
  const base = `http://${registry.host}/v2/lab/${name}`;
  const accept = 'Accept: application/vnd.oci.image.manifest.v1+json';
  const push = [...same, 'push', `${name}:1.0`, `oci://${registry.host}/lab`, ...plain];
  const orasPush = [oras, 'push', '--plain-http', address.replace('/lab/', '/oras/'), folder];
  const asked = `[.config, .layers[]][] | "url = \\"${base}/blobs/\\(.digest)\\""`;
  return {
    before: [
      [...same, 'create', '-f', folder],
      push,
      shell(`curl -sf -H '${accept}' ${base}/manifests/1.0 | jq -r '${asked}' > heads-${name}`),
      shell(`command -v ${oras} > /dev/null || exit 0; ${orasPush.join(' ')}`),
    ],
    contestants: [
      {
        what: 'node -e 0; curl -I',
        role: 'floor',
        commands: [bareNode, ['curl', '-sfI', '-H', accept, '-K', `heads-${name}`, `${base}/manifests/1.0`]],
      },
      { what: 'same push', role: 'same', commands: [push], target: 1.5 },
      { what: 'oras push', role: 'peer', commands: [orasPush] },
      { what: 'kit push', role: 'peer', commands: [kit('push', address)] },
    ],
  };
}

/** The floor hashes once and sends once, the least that anyone must do who stores by digest. */
function firstPush({ name, registry, folder, address }: Place): Program {
  const file = join(folder, 'data/00000.bin');
  const uploads = `http://${registry.host}/v2/lab/file/blobs/uploads/`;
  const location = `curl -sf -X POST -D - -o got ${uploads} | tr -d '\\r' | sed -n 's/^[Ll]ocation: //p'`;
  const put = shell(`curl -sf -T ${file} "$(${location})&digest=sha256:$(cut -c 1-64 digest)"`);
  const between = [shell(`rm -rf ${registry.dataDirectory}/*`)];
  const push = [...same, 'push', `${name}:1.0`, `oci://${registry.host}/lab`, ...plain];
  const all: Contestant[] = [
    { what: 'openssl; curl PUT', role: 'floor', commands: [hash(file), put], needs: ['openssl'] },
    { what: 'same push', role: 'same', commands: [push], target: 1.2, mostBytes: MOST_BYTES },
    { what: 'curl PUT', role: 'peer', commands: [put] },
    { what: 'oras push', role: 'peer', commands: [[oras, 'push', '--plain-http', address, folder]] },
    {
      what: 'kit pack; push',
      role: 'peer',
      commands: [['kit', 'pack', folder, '-t', address], kit('push', address)],
    },
  ];
  return {
    before: [[...same, 'create', '-f', folder], shell(`openssl dgst -sha256 -r ${file} > digest`)],
    contestants: all.map((contestant) => ({ ...contestant, between })),
  };
}

/** The floor stores once and hashes once. */
function firstPull({ name, registry, folder, address }: Place): Program {
  const base = `http://${registry.host}/v2/lab/${name}`;
  const accept = 'Accept: application/vnd.oci.image.manifest.v1+json';
  const get = ['curl', '-sf', '-o', 'got', '-K', 'blob'];
  const pull = [...same, 'pull', `oci://${address}`, ...plain];
  const other = address.replace('/lab/', '/oras/');
  const all: Contestant[] = [
    { what: 'curl GET; openssl', role: 'floor', commands: [get, hash('got')], needs: ['openssl'] },
    {
      what: 'same pull',
      role: 'same',
      commands: [['/usr/bin/env', 'SAME_HOME=pulled', ...pull]],
      target: 1.2,
      mostBytes: MOST_BYTES,
    },
    { what: 'curl GET', role: 'peer', commands: [get] },
    { what: 'oras pull', role: 'peer', commands: [[oras, 'pull', '--plain-http', other, '-o', 'pulled']] },
    { what: 'kit pull', role: 'peer', commands: [kit('pull', address)] },
  ];
  const largest = `"url = \\"${base}/blobs/\\(.layers | max_by(.size).digest)\\""`;
  return {
    before: [
      [...same, 'create', '-f', folder],
      [...same, 'push', `${name}:1.0`, `oci://${registry.host}/lab`, ...plain],
      shell(`curl -sf -H '${accept}' ${base}/manifests/1.0 | jq -r '${largest}' > blob`),
      shell(`command -v ${oras} > /dev/null || exit 0; ${oras} push --plain-http ${other} ${folder}`),
    ],
    contestants: all.map((contestant) => ({ ...contestant, between: [['rm', '-rf', 'pulled', 'got']] })),
  };
}

function hash(file: string): string[] {
  return ['openssl', 'dgst', '-sha256', file];
}

function kit(verb: string, address: string): string[] {
  return ['kit', verb, '--plain-http', address];
}

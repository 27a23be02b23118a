import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fillWithBusybox } from '../busybox-root.ts';
import { PAUSE } from './configuration.ts';

/** An image as a tar of an OCI layout, which names it by its tag and by its digest. */
export interface ImageArchive {
  /** `NAME@sha256:…`: the same for the same root. */
  reference: string;
  archive: Buffer;
}

/** What a process of an image is started with. */
export interface ImageSettings {
  Entrypoint?: string[];
  Cmd?: string[];
}

/** busybox alone, with every command that it has: a shell, awk, tar and the like. */
export function busyboxImage(name = 'same.test/busybox:1'): ImageArchive {
  return withRoot((root) => {
    fillWithBusybox(root);
    return imageOf(name, root, { Cmd: ['sh'] });
  });
}

/** A small Linux taken from this machine, with bash and python3 where it has them. */
export function systemImage(name = 'same.test/system:1'): ImageArchive {
  return withRoot((root) => {
    const script = join(import.meta.dirname, '../container-image.sh');
    const commands = ['awk', 'base64', 'gzip', 'mktemp', 'setsid', 'tar', 'tee'];
    execFileSync('sh', [script, root, ...commands], { stdio: ['ignore', 'ignore', 'pipe'] });
    return imageOf(name, root, { Cmd: ['bash'] });
  });
}

/** What holds the namespaces of a pod: it waits. */
export function pauseImage(): ImageArchive {
  return withRoot((root) => {
    fillWithBusybox(root);
    return imageOf(PAUSE, root, { Entrypoint: ['/bin/busybox', 'sleep', 'inf'] });
  });
}

/** An image of one layer, which holds everything below a directory, owned by root and without times. */
export function imageOf(name: string, root: string, settings: ImageSettings = {}): ImageArchive {
  const same = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--mode=go+rX'];
  const tar = (directory: string): Buffer =>
    execFileSync('tar', [...same, '-C', directory, '-cf', '-', '.'], { maxBuffer: 2 ** 30 });
  const layer = tar(root);
  return withRoot((layout) => {
    const blobs = join(layout, 'blobs/sha256');
    mkdirSync(blobs, { recursive: true });
    const put = (mediaType: string, content: Buffer | object) => {
      const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
      const hash = createHash('sha256').update(bytes).digest('hex');
      writeFileSync(join(blobs, hash), bytes);
      return { mediaType, digest: `sha256:${hash}`, size: bytes.length };
    };
    const oci = (kind: string): string => `application/vnd.oci.image.${kind}`;
    const layers = [put(oci('layer.v1.tar'), layer)];
    const config = put(oci('config.v1+json'), {
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      config: { Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'], ...settings },
      rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
    });
    const mediaType = oci('manifest.v1+json');
    const manifest = put(mediaType, { schemaVersion: 2, mediaType, config, layers });
    const untagged = name.replace(/:[^/:]*$/, '');
    const reference = `${untagged}@${manifest.digest}`;
    const manifests = [name, reference].map((named) => ({
      ...manifest,
      annotations: { 'io.containerd.image.name': named },
    }));
    const index = { schemaVersion: 2, manifests };
    writeFileSync(join(layout, 'index.json'), JSON.stringify(index));
    writeFileSync(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
    return { reference, archive: tar(layout) };
  });
}

function withRoot<T>(work: (root: string) => T): T {
  const root = mkdtempSync(join(tmpdir(), 'same-image-'));
  try {
    return work(root);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import type { ArchiveDescription, Content, Edit, Json, Member, Place } from './archive-description.ts';
import { packed, patched } from './archive-envelope.ts';
import { bytesContent, canonical, linked, linkedJson } from './archive-links.ts';
import { type Bytes, bytesOf, tarBytes, tarMembers } from './tar-bytes.ts';

/**
 * The exact bytes of a described archive. Digests and sizes follow every change up the chain, so only what is described
 * is wrong.
 * @param golden the bytes of a golden bundle by its file name.
 * @throws Error the description names what is not there, or goes in circles
 */
export function buildArchive(description: ArchiveDescription, golden: (name: string) => Buffer): Buffer {
  const archive = new Archive();
  if (description.golden !== undefined) archive.takeApart(golden(description.golden));
  for (const [name, content] of Object.entries(description.parts ?? {}))
    archive.parts.set(name, structuredClone(content));
  archive.members.push(...structuredClone(description.members ?? []));
  for (const edit of description.edits ?? []) archive.apply(structuredClone(edit));
  const tar = patched(archive.bytes(), description.patches);
  return patched(packed(tar, description.envelope ?? { form: 'gzip' }), description.filePatches);
}

class Archive {
  readonly parts = new Map<string, Content>();
  readonly members: Member[] = [];
  #end: Bytes | undefined;
  readonly #known = new Map<string, Buffer>();
  readonly #open = new Set<string>();

  bytes(): Buffer {
    return this.#tar(this.members, this.#end);
  }

  /** Makes parts of a bundle that is as it should be. */
  takeApart(file: Buffer): void {
    const members = tarMembers(file[0] === 0x1f ? gunzipSync(file) : file);
    const contentOf = new Map(members.map(({ path, content }) => [path as string, content]));
    const blob = (digest: string) => contentOf.get(`blobs/sha256/${digest.slice(7)}`)!;
    const index = JSON.parse(contentOf.get('index.json')!.toString()) as OciIndex;
    const names = new Map<string, string>();
    const types = new Map<string, string>();
    const call = (name: string, { digest, mediaType }: Descriptor) => {
      if (names.has(digest)) return;
      names.set(digest, name);
      types.set(digest, mediaType);
    };
    const counts = new Map<string, number>();
    for (const [at, entry] of index.manifests.entries()) {
      const word = /\.(program|run|origin|data|verification)\.v1\+json$/.exec(entry.artifactType)?.[1];
      const kind = word === 'program' && at > 0 ? 'ancestor' : (word ?? 'signature');
      const count = (counts.get(kind) ?? 0) + 1;
      counts.set(kind, count);
      const name = count === 1 ? kind : `${kind}${count}`;
      call(name, entry);
      const manifest = JSON.parse(blob(entry.digest).toString()) as OciManifest;
      const { config, layers } = manifest;
      const within = kind === 'program' ? '' : `${name}.`;
      call(config.mediaType.includes('.empty.') ? 'empty' : `${within}config`, config);
      for (const [position, layer] of layers.entries()) {
        const layerName =
          word === 'program'
            ? /\.same\.([a-z]+)\.v1/.exec(layer.mediaType)![1]!
            : word === 'data'
              ? `layer${position + 1}`
              : 'record';
        call(`${within}${layerName}`, layer);
      }
    }
    const sizeOf = (digest: string) => blob(digest).length;
    for (const [digest, name] of names)
      this.parts.set(name, linked(blob(digest), types.get(digest)!, names, sizeOf));
    this.parts.set('index', { json: linkedJson(index as unknown as Json, names, sizeOf) });
    for (const { path, content } of members) {
      const text = path as string;
      const copied = { 'index.json': 'index', 'same.yaml': 'manifest', 'same.lock': 'lock' }[text];
      if (copied) this.members.push({ path: text, part: copied });
      else if (text.startsWith('blobs/')) this.members.push({ blob: names.get(`sha256:${text.slice(13)}`)! });
      else if (/^(README\.md|LICENSE|CITATION\.cff)$/.test(text))
        this.members.push({ path: text, file: text, of: 'code' });
      else this.members.push({ path: text, ...bytesContent(content) });
    }
  }

  apply(edit: Edit): void {
    if ('insert' in edit) this.#place(edit, edit.insert);
    else if ('change' in edit) {
      const { change, in: tar, ...fields } = edit;
      this.#change(this.#find(change, tar).member, fields);
    } else if ('remove' in edit) {
      const { list, at } = this.#find(edit.remove, edit.in);
      list.splice(at, 1);
    } else if ('move' in edit) {
      const { list, at, member } = this.#find(edit.move, edit.in);
      list.splice(at, 1);
      this.#place(edit, member);
    } else if ('part' in edit) {
      const { part, ...content } = edit;
      this.parts.set(part, content as Content);
    } else if ('end' in edit) {
      if (edit.in === undefined) this.#end = edit.end;
      else this.#tarPart(edit.in).end = edit.end;
    } else if ('rewrite' in edit) {
      const { rewrite, from, to } = edit as { rewrite: string; from: string; to: string };
      const content = this.#part(rewrite);
      this.parts.set(rewrite, { ...content, rewrite: [...(content.rewrite ?? []), { from, to }] } as Content);
    } else this.#editJson(edit);
    this.#known.clear();
  }

  #editJson(
    edit: Extract<Edit, { set: string }> | Extract<Edit, { add: string }> | Extract<Edit, { unset: string }>,
  ) {
    const name = 'set' in edit ? edit.set : 'add' in edit ? edit.add : edit.unset;
    const content = this.#part(name);
    if (!('json' in content)) throw new Error(`part ${name} is no JSON`);
    let holder = { root: content.json } as Json;
    let key: string | number = 'root';
    for (const next of edit.at) {
      holder = (holder as Record<string | number, Json>)[key]!;
      key = next;
      if (typeof holder !== 'object' || holder === null) throw new Error(`part ${name} has no ${edit.at}`);
    }
    const object = holder as Record<string | number, Json>;
    if ('add' in edit) (holder as Json[]).splice(key as number, 0, edit.value);
    else if ('set' in edit) object[key] = edit.value;
    else if (!(key in object)) throw new Error(`part ${name} has no ${edit.at}`);
    else if (Array.isArray(holder)) holder.splice(key as number, 1);
    else delete object[key];
    if (edit.at.length === 0 && 'set' in edit) content.json = edit.value;
  }

  /** Puts a member where an edit says; else into a layer by its path, and at the end of the archive. */
  #place({ in: tar, before, after }: { in?: string; before?: Place; after?: Place }, member: Member): void {
    const list = this.#list(tar);
    if (before !== undefined) list.splice(this.#find(before, tar).at, 0, member);
    else if (after !== undefined) list.splice(this.#find(after, tar).at + 1, 0, member);
    else if (tar === undefined) list.push(member);
    else {
      const path = this.#path(member);
      const at = list.findIndex((other) => Buffer.compare(this.#path(other), path) > 0);
      list.splice(at < 0 ? list.length : at, 0, member);
    }
  }

  #change(member: Member, fields: Member): void {
    const replacesContent = CONTENT_KEYS.some((key) => key in fields);
    if (member.blob !== undefined && replacesContent && fields.path === undefined && !('part' in member)) {
      // It stays at its blob's path while other bytes lie there.
      Object.assign(member, fields);
      return;
    }
    if (replacesContent) for (const key of CONTENT_KEYS) delete (member as Record<string, unknown>)[key];
    const header = { ...member.header, ...fields.header };
    Object.assign(member, fields, Object.keys(header).length > 0 ? { header } : {});
  }

  #find(place: Place, tar: string | undefined): { list: Member[]; at: number; member: Member } {
    const list = this.#list(tar);
    const at = list.findIndex((member) =>
      typeof place === 'string' ? member.path === place : member.blob === place.blob,
    );
    if (at < 0) throw new Error(`${tar ?? 'the archive'} has no member ${JSON.stringify(place)}`);
    return { list, at, member: list[at]! };
  }

  #list(tar: string | undefined): Member[] {
    return tar === undefined ? this.members : this.#tarPart(tar).tar;
  }

  #tarPart(name: string): { tar: Member[]; end?: Bytes } {
    const content = this.#part(name);
    if (!('tar' in content)) throw new Error(`part ${name} is no tar`);
    return content;
  }

  #part(name: string): Content {
    const content = this.parts.get(name);
    if (!content) throw new Error(`there is no part ${name}`);
    return content;
  }

  /** The bytes of a part. */
  #bytes(name: string): Buffer {
    const known = this.#known.get(name);
    if (known) return known;
    if (this.#open.has(name)) throw new Error(`part ${name} needs itself`);
    this.#open.add(name);
    const bytes = this.#content(this.#part(name));
    this.#open.delete(name);
    this.#known.set(name, bytes);
    return bytes;
  }

  #content(content: Content | Bytes): Buffer {
    let bytes = this.#plain(content);
    for (const { from, to } of ('rewrite' in content && content.rewrite) || []) {
      const at = bytes.indexOf(from, 'utf8');
      if (at < 0) throw new Error(`nothing to rewrite: ${from}`);
      bytes = Buffer.concat([
        bytes.subarray(0, at),
        Buffer.from(to),
        bytes.subarray(at + Buffer.byteLength(from)),
      ]);
    }
    return bytes;
  }

  #plain(content: Content | Bytes): Buffer {
    if ('json' in content) return Buffer.from(canonical(this.#resolved(content.json)));
    if ('tar' in content) return this.#tar(content.tar, content.end);
    if ('part' in content) return this.#bytes(content.part);
    if ('digestOf' in content) return Buffer.from(this.#digest(content.digestOf));
    if ('gzip' in content) return packed(this.#content(content.gzip), { form: 'gzip' });
    if ('concat' in content) return Buffer.concat(content.concat.map((piece) => this.#content(piece)));
    if ('altered' in content) {
      const { at, bytes, altered } = content;
      return patched(this.#content(altered), [{ at, bytes }]);
    }
    if ('file' in content) return this.#content(this.#find(content.file, content.of).member as Content);
    return bytesOf(content);
  }

  #tar(members: readonly Member[], end: Bytes | undefined): Buffer {
    const known = members.map((member) => {
      const { executable, header, pax, padding } = member;
      const hasContent = CONTENT_KEYS.some((key) => key in member);
      return {
        path: bytesContent(this.#path(member)) as Bytes,
        content:
          hasContent || member.blob === undefined
            ? this.#content(hasContent ? (member as Content) : { text: '' })
            : this.#bytes(member.blob),
        ...(executable ? { executable } : {}),
        ...(header ? { header } : {}),
        ...(pax === undefined ? {} : { pax }),
        ...(padding ? { padding } : {}),
      };
    });
    return tarBytes(known, end && bytesOf(end));
  }

  #path({ path, blob }: Member): Buffer {
    if (path !== undefined) return typeof path === 'string' ? Buffer.from(path) : bytesOf(path);
    if (blob === undefined) throw new Error('a member has neither path nor blob');
    return Buffer.from(`blobs/sha256/${this.#digest(blob).slice(7)}`);
  }

  #digest(part: string): string {
    return digestOf(this.#bytes(part));
  }

  #resolved(value: Json): Json {
    if (Array.isArray(value)) return value.map((item) => this.#resolved(item));
    if (typeof value !== 'object' || value === null) return value;
    if (typeof value.$digest === 'string') return this.#digest(value.$digest);
    if (typeof value.$size === 'string') return this.#bytes(value.$size).length;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.#resolved(item)]));
  }
}

const CONTENT_KEYS = [
  'text',
  'base64',
  'hex',
  'repeat',
  'times',
  'concat',
  'json',
  'tar',
  'part',
  'digestOf',
  'file',
  'of',
  'altered',
  'gzip',
];

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

interface Descriptor {
  mediaType: string;
  digest: string;
}
interface OciIndex {
  manifests: (Descriptor & { artifactType: string })[];
}
interface OciManifest {
  config: Descriptor;
  layers: Descriptor[];
}

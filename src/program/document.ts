import { type Document, parseAllDocuments, type YAMLError } from 'yaml';
import type { Finding } from '../errors/same-error.ts';
import { DocumentPlaces, type Path } from './document-places.ts';
import { DocumentValues, type ReportAt } from './document-values.ts';
import type { JsonValue } from './json.ts';

export type { Path } from './document-places.ts';

/** A YAML or JSON text as JSON, with where each value is written. */
export interface ParsedDocument {
  /** What could be read; undefined when the syntax is broken. Not to be used when there are findings. */
  value?: JsonValue;
  findings: Finding[];
  /** `file:line:column` of a value, or of its key; of the nearest thing above when there is nothing at the path. */
  place(path: Path, what?: 'key' | 'value'): string;
  /** A scalar as it is written, for instance `1.10`. */
  written(path: Path): string | undefined;
}

const LARGEST_BYTES = 1024 * 1024;
const MOST_SYNTAX_FINDINGS = 5;

/**
 * Reads YAML 1.2 (core schema) restricted to what JSON can say, or JSON: UTF-8, at most 1 MiB, no anchors, aliases,
 * merge keys, tags, duplicate keys or second document. All problems are found at once where the syntax allows.
 */
export function parseDocument(bytes: Uint8Array, file: string, limitBytes = LARGEST_BYTES): ParsedDocument {
  const start = `${file}:1:1`;
  const refused = (finding: Finding): ParsedDocument => ({
    findings: [finding],
    place: () => start,
    written: () => undefined,
  });
  if (bytes.length > limitBytes) {
    return refused({
      code: 'SAME1011',
      message: `${file} has ${bytes.length} bytes`,
      place: start,
      hint: 'at most 1 MiB (1048576 bytes)',
    });
  }
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
    return refused({
      code: 'SAME1011',
      message: `${file} starts with a byte order mark`,
      place: start,
      hint: 'save it as UTF-8 without BOM',
    });
  }
  const text = decoded(bytes);
  if (text === undefined) {
    const readable = new TextDecoder().decode(bytes);
    const place = `${file}:${lineColumn(readable, readable.indexOf('\uFFFD'))}`;
    return refused({ code: 'SAME1011', message: `${file} is not UTF-8`, place, hint: 'save it as UTF-8' });
  }
  return new Reader(text, file).read();
}

/** Sorts findings by line and column; those without a place in a file come last, as they are. */
export function sortFindings(findings: readonly Finding[]): Finding[] {
  const position = ({ place }: Finding): [number, number] => {
    const match = /:([0-9]+):([0-9]+)$/.exec(place ?? '');
    return match ? [Number(match[1]), Number(match[2])] : [Number.MAX_SAFE_INTEGER, 0];
  };
  return findings
    .map((finding) => ({ finding, position: position(finding) }))
    .sort((a, b) => a.position[0] - b.position[0] || a.position[1] - b.position[1])
    .map(({ finding }) => finding);
}

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function lineColumn(text: string, offset: number): string {
  const before = text.slice(0, offset);
  return `${before.split('\n').length}:${offset - before.lastIndexOf('\n')}`;
}

class Reader {
  readonly #text: string;
  readonly #file: string;
  readonly #places: DocumentPlaces;
  readonly #findings: Finding[] = [];

  constructor(text: string, file: string) {
    this.#text = text;
    this.#file = file;
    this.#places = new DocumentPlaces(file);
  }

  read(): ParsedDocument {
    const result: ParsedDocument = {
      findings: this.#findings,
      place: (path, what) => this.#places.of(path, what ?? 'value'),
      written: (path) => this.#places.written(path),
    };
    const control = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)/.exec(this.#text);
    if (control) {
      const code = control[0].charCodeAt(0).toString(16).padStart(2, '0');
      this.#findings.push({
        code: 'SAME1001',
        message: `control character 0x${code}`,
        place: `${this.#file}:${lineColumn(this.#text, control.index)}`,
        hint: 'write it as an escape in double quotes',
      });
      return result;
    }
    const documents = this.#documents();
    if (!documents) return result;
    const [document, second] = documents;
    if (!document) {
      this.#report('SAME1001', 'the document is empty', 0);
      return result;
    }
    const errors = [document, second].flatMap((each) => each?.errors ?? []);
    this.#places.root = document.contents;
    if (errors.length > 0) {
      this.#reportSyntax(errors);
      return result;
    }
    if (second) {
      this.#report(
        'SAME1002',
        'a second document',
        second.range?.[0] ?? 0,
        'a manifest is one document: remove the --- in its middle',
      );
    }
    if (/^(?:[ \t]*(?:#[^\n]*)?\n)*%/.test(this.#text)) {
      this.#report('SAME1002', 'a YAML directive', 0, 'remove the line that starts with %');
    }
    if (document.contents === null) this.#report('SAME1001', 'the document is empty', 0);
    else result.value = new DocumentValues(this.#text, this.#report).of(document.contents);
    const sorted = sortFindings(this.#findings);
    this.#findings.splice(0, this.#findings.length, ...sorted);
    return result;
  }

  /** The documents of the text; undefined, and a finding, when not even the parser gets to their end. */
  #documents(): Document.Parsed[] | undefined {
    try {
      const documents = parseAllDocuments(this.#text, {
        schema: 'core',
        version: '1.2',
        merge: false,
        uniqueKeys: false,
        prettyErrors: false,
        logLevel: 'silent',
        lineCounter: this.#places.lines,
      });
      return Array.isArray(documents) ? (documents as Document.Parsed[]) : [];
    } catch (error) {
      // The parser goes down and back up by calling itself, also where the text is only broken again and again.
      if (!(error instanceof RangeError)) throw error;
      this.#report('SAME1001', 'nested too deeply, or broken in too many places', 0);
      return undefined;
    }
  }

  #reportSyntax(errors: readonly YAMLError[]): void {
    const lines = new Set<number>();
    for (const { code, message, pos } of errors) {
      const { line } = this.#places.lines.linePos(pos[0]);
      if (lines.has(line) || lines.size >= MOST_SYNTAX_FINDINGS) continue;
      lines.add(line);
      if (code === 'RESOURCE_EXHAUSTION') this.#report('SAME1001', 'nested too deeply', pos[0]);
      else this.#report('SAME1001', message, pos[0], this.#syntaxHint(code, line));
    }
  }

  #syntaxHint(code: YAMLError['code'], line: number): string | undefined {
    const text = this.#text.split('\n', line)[line - 1] ?? '';
    if (text.includes('{{')) return 'quote the text with {{…}}: "…{{…}}…"';
    if (code === 'TAB_AS_INDENT') return 'indent with spaces';
    if (code === 'BLOCK_AS_IMPLICIT_KEY') return 'quote text that has ": " in it';
    if (code === 'BAD_SCALAR_START') return 'quote the text';
    return undefined;
  }

  readonly #report: ReportAt = (code, message, offset, hint) => {
    const place = this.#places.at(offset);
    this.#findings.push({ code, message, place, ...(hint === undefined ? {} : { hint }) });
  };
}

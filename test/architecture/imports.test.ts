import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, it } from 'node:test';
import ts from 'typescript';

const root = resolve(import.meta.dirname, '../..');
const src = join(root, 'src');

interface Import {
  from: string;
  to: string;
  /** True for `import type`. */
  typeOnly: boolean;
}

/** Rooms each room may import, besides itself. `*` marks those whose types alone may be used (port files). */
const allowed: Record<string, string[]> = {
  errors: [],
  program: ['errors'],
  bundle: ['errors', 'program', 'content*', 'sources*', 'runs*'],
  pipeline: ['errors', 'program', 'bundle', 'engines*'],
  claims: ['errors', 'program', 'pipeline*', 'runs*'],
  sweeps: ['errors', 'program', 'runs*'],
  host: ['errors'],
  content: ['errors', 'program', 'bundle', 'host'],
  registry: ['errors', 'program', 'bundle', 'host', 'content'],
  sources: ['errors', 'program', 'bundle', 'host'],
  environments: ['errors', 'program', 'bundle', 'host'],
  infrastructure: ['errors', 'program', 'host', 'runs*', 'engines*', 'environments*', 'operations*'],
  runs: ['errors', 'program', 'bundle', 'pipeline', 'host', 'engines*', 'sweeps*'],
  engines: ['errors', 'program', 'bundle', 'pipeline', 'sweeps', 'host', 'content*', 'environments*'],
  operations: [
    'errors',
    'program',
    'bundle',
    'pipeline',
    'claims',
    'sweeps',
    'content*',
    'sources*',
    'environments*',
    'engines*',
    'runs*',
    'registry*',
  ],
  cli: [
    'errors',
    'program',
    'pipeline',
    'operations',
    'host',
    'sweeps*',
    'runs*',
    'sources*',
    'content*',
    'engines*',
    'registry*',
  ],
};

/** Where adapters are built, and the chunks of it that are loaded late. */
const wiring = [
  'cli/wiring.ts',
  'cli/cold.ts',
  'cli/clusters.ts',
  'cli/compile.ts',
  'cli/listing.ts',
  'cli/metadata.ts',
  'cli/remote.ts',
  'cli/running.ts',
  'cli/mlflow.ts',
  'cli/postgresql.ts',
];

/** Pure functions over a port's types that operations may call. */
const pureFiles = [
  'content/graph-copy.ts',
  'runs/index/scanned-index.ts',
  'runs/run-facts.ts',
  'runs/run-filter.ts',
  'runs/run-query.ts',
  'runs/run-row.ts',
  'runs/run-within.ts',
  'runs/step-outcome.ts',
];

const files = globSync('**/*.ts', { cwd: src });
const imports = files.flatMap((file) => importsOf(file));

describe('the rooms of src', () => {
  it('are all looked at', () => {
    assert.ok(files.length > 80, `saw ${files.length} modules`);
    assert.ok(imports.length > 300, `saw ${imports.length} imports`);
    assert.deepEqual([...new Set(files.map(roomOf))].sort(), Object.keys(allowed).sort());
  });

  it('import only where they may', () => {
    const wrong = imports.filter(({ from, to, typeOnly }) => {
      const [here, there] = [roomOf(from), roomOf(to)];
      if (here === there || pureFiles.includes(to) || wiring.includes(from)) return false;
      const rooms = allowed[here]!;
      return !(rooms.includes(there) || (typeOnly && rooms.includes(`${there}*`)));
    });
    assert.deepEqual(
      wrong.map(({ from, to, typeOnly }) => `${from} -> ${to}${typeOnly ? ' (types)' : ''}`),
      [],
    );
  });

  it('have no cycles among values', () => {
    const edges = new Map<string, string[]>();
    for (const { from, to, typeOnly } of imports)
      if (!typeOnly) edges.set(from, [...(edges.get(from) ?? []), to]);
    const state = new Map<string, 'open' | 'done'>();
    const cycles: string[] = [];
    const visit = (file: string, path: string[]): void => {
      if (state.get(file) === 'done') return;
      if (state.get(file) === 'open') {
        cycles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
        return;
      }
      state.set(file, 'open');
      for (const next of edges.get(file) ?? []) visit(next, [...path, file]);
      state.set(file, 'done');
    };
    for (const file of files) visit(file, []);
    assert.deepEqual(cycles, []);
  });

  it('leave files, processes, the network and the clock to host', () => {
    const wrong = files
      .filter((file) => roomOf(file) !== 'host')
      .filter((file) => {
        const text = readFileSync(join(src, file), 'utf8');
        return (
          /from 'node:(fs|fs\/promises|child_process|os|http|https|net)'/.test(text) ||
          /\bDate\.now\(|new Date\(\)|\bfetch\(/.test(text)
        );
      });
    assert.deepEqual(wrong, []);
  });

  it('document every export', () => {
    const wrong = files.flatMap((file) => {
      const lines = readFileSync(join(src, file), 'utf8').split('\n');
      return lines.flatMap((line, index) => {
        if (!/^export (async )?(function\*?|class|interface|type|const) \w/.test(line)) return [];
        return lines[index - 1]!.trim().endsWith('*/') ? [] : [`${file}:${index + 1}`];
      });
    });
    assert.deepEqual(wrong, []);
  });
});

function importsOf(file: string): Import[] {
  const text = readFileSync(join(src, file), 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, false);
  const found: Import[] = [];
  const add = (specifier: string, typeOnly: boolean): void => {
    if (!specifier.startsWith('.')) return;
    found.push({ from: file, to: relative(src, resolve(src, dirname(file), specifier)), typeOnly });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      const { importClause } = node;
      const bindings = importClause?.namedBindings;
      const eachIsType =
        bindings !== undefined &&
        ts.isNamedImports(bindings) &&
        bindings.elements.every((element) => element.isTypeOnly);
      add(
        node.moduleSpecifier.text,
        importClause?.isTypeOnly === true || (eachIsType && importClause?.name === undefined),
      );
    } else if (
      ts.isExportDeclaration(node) &&
      node.moduleSpecifier &&
      ts.isStringLiteral(node.moduleSpecifier)
    ) {
      add(node.moduleSpecifier.text, node.isTypeOnly);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [argument] = node.arguments;
      if (argument && ts.isStringLiteral(argument)) add(argument.text, false);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function roomOf(file: string): string {
  return file.split('/')[0]!;
}

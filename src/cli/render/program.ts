import type { Shown } from '../../operations/show-program.ts';
import type { Environment, ParameterSchema, Program, Resources } from '../../program/schema.ts';
import { rowOf } from '../../runs/run-row.ts';
import type { Origin } from '../../sources/source.ts';
import { renderRuns } from './listing.ts';
import { stepRows } from './program-steps.ts';
import { figure, plain, table } from './text.ts';

/** Where a program came from, in a few words; `label` is how the user named it. */
export function renderSource(label: string, origin: Origin): string {
  if (origin.kind !== 'git') return label;
  const repository = origin.repository && `${origin.repository}${origin.path ? `/${origin.path}` : ''}`;
  const ref = origin.ref ? `, ref ${origin.ref}` : '';
  return `${repository ?? label} (revision ${origin.revision?.slice(0, 12)}${ref})`;
}

/** A program as JSON: the manifest as the author wrote it, and what identifies it. */
export function programJson(shown: Shown): object {
  const { artifact, digests, pin, origin } = shown;
  return {
    name: artifact.program.metadata.name,
    version: artifact.program.metadata.version,
    digests: pin && 'index' in digests ? { ...digests, file: digests.file ?? null } : digests,
    lacking: shown.lacking,
    pin: pin?.pin ?? null,
    ...(shown.remote ? { remote: shown.remote } : {}),
    ...(pin ? { registry: pin.registry ?? null } : {}),
    origin: origin ?? null,
    manifest: artifact.program,
    lock: artifact.lock ?? null,
    runs: shown.runs.map(({ record, own }) => ({
      id: record.id,
      status: record.status,
      program: `${record.program.name}:${record.program.version}`,
      own,
    })),
  };
}

/** A program for people. */
export function renderProgram(shown: Shown): string {
  const { program, lock } = shown.artifact;
  const { metadata } = program;
  const lines = [`${metadata.name}:${metadata.version}${metadata.title ? `  ${plain(metadata.title)}` : ''}`];
  if (metadata.description) lines.push(`  ${plain(metadata.description.trim()).replaceAll('\n', '\n  ')}`);
  const by = metadata.authors?.map(({ name, affiliation, email, orcid }) =>
    [name, affiliation && `(${affiliation})`, email && `<${email}>`, orcid].filter(Boolean).join(' '),
  );
  if (by) lines.push(`by ${plain(by.join(', '))}`);
  const about = [
    metadata.license && `license ${metadata.license}`,
    metadata.paper?.arxiv && `arXiv:${metadata.paper.arxiv}`,
    metadata.paper?.doi && `doi:${metadata.paper.doi}`,
    metadata.paper?.url,
    metadata.keywords && `keywords ${metadata.keywords.join(', ')}`,
  ].filter((text) => text !== undefined && text !== '');
  if (about.length > 0) lines.push(plain(about.join(' · ')));
  if (metadata.derivedFrom) {
    lines.push(
      `derived from ${metadata.derivedFrom.name}:${metadata.derivedFrom.version} (${metadata.derivedFrom.digest})`,
    );
  }
  if (shown.origin)
    lines.push(
      `from ${plain(renderSource(shown.origin.kind === 'git' ? 'a git repository' : 'a folder', shown.origin))}${shown.origin.dirty ? ', with local changes' : ''}`,
    );
  if (shown.pin?.registry) lines.push(`last pushed to or pulled from ${plain(shown.pin.registry)}`);
  lines.push(...section('digests', digestRows(shown)));
  lines.push(...section('parameters', parameterRows(program)));
  lines.push(...section('profiles', profileRows(program)));
  lines.push(...section('steps', stepRows(program)));
  lines.push(...section('environments', environmentRows(program, lock)));
  lines.push(...section('needs', needRows(program)));
  lines.push(...section('data', dataRows(program)));
  lines.push(
    ...section(
      'outputs',
      Object.entries(program.outputs ?? {}).map(([name, { from, description }]) => [
        name,
        `from ${from}`,
        description ?? '',
      ]),
    ),
  );
  lines.push(...section('metrics', metricRows(program)));
  lines.push(...section('claims', claimRows(program)));
  lines.push(
    ...section(
      'extensions',
      Object.entries(program.extensions ?? {}).map(([name, value]) => [name, JSON.stringify(value)]),
    ),
  );
  if (program.history) lines.push(`runs that an export takes along: ${program.history.export}`);
  const { runs } = shown;
  if (!shown.pin) lines.push(...travelRows(runs));
  else if (runs.length > 0)
    lines.push(
      `${runs.length} run${runs.length > 1 ? 's' : ''} here: same list runs -n ${metadata.name}:${metadata.version}`,
    );
  return lines.join('\n');
}

/** More runs than these are counted, not listed. */
const FEW_RUNS = 5;

function travelRows(runs: Shown['runs']): string[] {
  if (runs.length === 0) return ['no runs travel along'];
  const programs = new Set(runs.map(({ record }) => record.program.digest)).size;
  const count = `${runs.length} run${runs.length > 1 ? 's travel' : ' travels'} along, of ${programs} program${programs > 1 ? 's' : ''}`;
  return runs.length > FEW_RUNS
    ? [count]
    : [count, renderRuns(runs.map((run) => rowOf(run))).replace(/^/gm, '  ')];
}

function section(title: string, rows: string[][]): string[] {
  return rows.length === 0
    ? []
    : [
        title,
        table(
          rows.map((row) => row.map(plain)),
          '  ',
        ),
      ];
}

/** What stands for the digest of a file that was written, or would be, when it is too long to be hashed unasked. */
export const FILE_NOT_COMPUTED = 'not computed over 64 MiB: same show FILE';

function digestRows({ digests, lacking, pin, remote }: Shown): string[][] {
  const rows = [['program', digests.program]];
  if (remote) return [...rows, ['pinned', remote.pinned]];
  if (!('index' in digests)) {
    const data = lacking.map((name) => `data.${name}`).join(', ');
    return [...rows, ['others', `known when ${data} is here, which an export fetches`]];
  }
  rows.push(['index', digests.index], ['archive', digests.archive]);
  if (digests.file !== undefined) rows.push(['file', digests.file]);
  else if (pin) rows.push(['file', FILE_NOT_COMPUTED]);
  return rows;
}

function parameterRows(program: Program): string[][] {
  return Object.entries(program.parameters ?? {}).map(([name, schema]) => [
    `--${name}`,
    typeText(schema),
    schema.default === undefined ? 'required' : `default ${JSON.stringify(schema.default)}`,
    [
      [schema.title, schema.description].filter(Boolean).join(': '),
      schema.examples?.length ? `for example ${words(schema.examples)}` : '',
      schema.deprecated ? '(deprecated)' : '',
    ]
      .filter(Boolean)
      .join(' '),
  ]);
}

function words(values: readonly unknown[]): string {
  return values.map((value) => JSON.stringify(value)).join(' ');
}

function typeText(schema: ParameterSchema): string {
  const type = Array.isArray(schema.type) ? schema.type.join('|') : schema.type;
  const range = [
    schema.minimum !== undefined && `≥ ${schema.minimum}`,
    schema.exclusiveMinimum !== undefined && `> ${schema.exclusiveMinimum}`,
    schema.maximum !== undefined && `≤ ${schema.maximum}`,
    schema.exclusiveMaximum !== undefined && `< ${schema.exclusiveMaximum}`,
    schema.multipleOf !== undefined && `a multiple of ${schema.multipleOf}`,
    schema.enum && `one of ${words(schema.enum)}`,
    schema.const !== undefined && `always ${JSON.stringify(schema.const)}`,
    schema.pattern !== undefined && `like ${schema.pattern}`,
    schema.format,
  ].filter((text) => text !== false && text !== undefined);
  return range.length > 0 ? `${type} (${range.join(', ')})` : type;
}

function profileRows(program: Program): string[][] {
  return Object.entries(program.profiles ?? {}).map(([name, { parameters, description }]) => [
    name,
    Object.entries(parameters ?? {})
      .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
      .join(' '),
    description ?? '',
  ]);
}

function environmentRows(program: Program, lock: Shown['artifact']['lock']): string[][] {
  return Object.entries(program.environments ?? {}).map(([name, environment]) => {
    const { requires, variables, description } = environment;
    const what = environmentText(environment, lockText(lock, name));
    const settings = Object.entries(variables ?? {}).map(([key, value]) => `${key}=${value}`);
    return [
      name,
      what,
      [
        requires ? `requires ${requires.commands.join(', ')}` : '',
        settings.length > 0 ? `with ${settings.join(' ')}` : '',
        description ?? '',
      ]
        .filter(Boolean)
        .join(' · '),
    ];
  });
}

/** `python 3.11, locked by uv.lock, or image …`. */
function environmentText(environment: Environment, pythonLock: string): string {
  const { python, r, node, system, image, dockerfile } = environment;
  const lockedBy = (lock: string | undefined, none: string) => (lock ? `locked by ${lock}` : none);
  const rPackages = r?.packages ? `with ${r.packages.join(', ')}` : 'no packages';
  const kinds = [
    python && `python ${python.version}, ${lockedBy(python.lock, pythonLock)}`,
    r && `R ${r.version}, ${lockedBy(r.lock, rPackages)}`,
    node && `node ${node.version}, ${lockedBy(node.lock, 'no packages')}`,
    system && 'the system, not locked',
    image && `image ${image}`,
    dockerfile && `the image of ${dockerfile}`,
  ];
  return kinds.filter(Boolean).join(', or ');
}

function lockText(lock: Shown['artifact']['lock'], name: string): string {
  const platforms = Object.keys(lock?.environments?.[name] ?? {});
  return platforms.length > 0 ? `locked for ${platforms.join(', ')}` : 'no packages';
}

function needRows(program: Program): string[][] {
  const rows = resourceRows(program.resources);
  for (const [name, { resources }] of Object.entries(program.pipeline.steps))
    rows.push(...resourceRows(resources).map(([what = '', want = '']) => [what, `${want} (step ${name})`]));
  for (const [name, { required, description }] of Object.entries(program.secrets ?? {})) {
    rows.push(['secret', `${name}${required ? '' : ' (optional)'}${description ? `: ${description}` : ''}`]);
  }
  for (const [name, service] of Object.entries(program.services ?? {})) {
    const { resource, version, optional, provides, description } = service;
    const sets = Object.entries(provides ?? {}).map(([variable, property]) => `${variable}=${property}`);
    rows.push([
      'service',
      `${name}: ${resource}${version ? ` ${version}` : ''}${optional ? ' (optional)' : ''}${sets.length > 0 ? ` sets ${sets.join(' ')}` : ''}${description ? `: ${description}` : ''}`,
    ]);
  }
  for (const { name, kind, path, description } of program.infrastructure?.targets ?? [])
    rows.push([
      'target',
      `${name} (${kind})${path ? ` from ${path}` : ''}${description ? `: ${description}` : ''}`,
    ]);
  return rows;
}

function resourceRows({ cpu, memory, disk, gpu }: Resources = {}): string[][] {
  const rows: string[][] = [];
  if (cpu !== undefined) rows.push(['cpu', String(cpu)]);
  if (memory !== undefined) rows.push(['memory', memory]);
  if (disk) rows.push(['disk', disk.size + (disk.class ? ` (${disk.class})` : '')]);
  if (gpu)
    rows.push([
      'gpu',
      `${gpu.count}${gpu.vendor ? ` ${gpu.vendor}` : ''}${gpu.memory ? ` with ${gpu.memory}` : ''}${gpu.optional ? ' (optional)' : ''}`,
    ]);
  return rows;
}

function dataRows(program: Program): string[][] {
  return Object.entries(program.data ?? {}).map(([name, pointer]) => {
    const { uri, mirrors, digest, size, unpack, license, carry, mutable, description } = pointer;
    const facts = [
      digest,
      size === undefined ? undefined : `${size} bytes`,
      mirrors && `also at ${mirrors.join(' ')}`,
      unpack && `unpacked by ${unpack}`,
      mutable && 'expected to change',
      carry && { embed: 'in every bundle', pointer: 'in no bundle', never: 'never in a bundle' }[carry],
      license,
      description,
    ];
    return [name, uri, facts.filter(Boolean).join(' · ')];
  });
}

function metricRows(program: Program): string[][] {
  return Object.entries(program.metrics ?? {}).map(([name, metric]) => {
    const { from, json, regex, take, unit, direction, description } = metric;
    const where = [
      json === undefined ? '' : `at ${json || 'the root'}`,
      regex === undefined ? '' : `${take ?? 'last'} of ${regex}`,
    ];
    return [
      name,
      ['from', from, ...where].filter(Boolean).join(' '),
      [unit && `in ${unit}`, direction && `${direction} is better`, description].filter(Boolean).join(' · '),
    ];
  });
}

function claimRows(program: Program): string[][] {
  return (program.claims ?? []).map((claim) => {
    const { id, metric, expect, tolerance, text, cite, given, profile, over, aggregate, required } = claim;
    const allowed = [
      tolerance?.abs === undefined ? undefined : `± ${tolerance.abs}`,
      tolerance?.rel === undefined ? undefined : `± ${tolerance.rel * 100} %`,
    ].filter(Boolean);
    const about = [aggregate, over && `over ${over}`].filter(Boolean).join(' ');
    const condition = [
      ...Object.entries(given ?? {}).map(([name, value]) => `${name}=${JSON.stringify(value)}`),
      ...(profile ? [`profile ${profile}`] : []),
    ];
    return [
      id,
      `${about ? `${about} of ` : ''}${metric} = ${figure(expect)}${allowed.length > 0 ? ` ${allowed.join(' or ')}` : ''}`,
      [
        text,
        cite && `[${cite}]`,
        condition.length > 0 ? `given ${condition.join(', ')}` : '',
        required === false ? '(not required)' : '',
      ]
        .filter(Boolean)
        .join(' '),
    ];
  });
}

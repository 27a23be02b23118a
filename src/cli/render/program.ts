import type { Shown } from '../../operations/show-program.ts';
import { rowOf } from '../../runs/run-row.ts';
import type { Origin } from '../../sources/source.ts';
import { renderRuns } from './listing.ts';
import { claimRows, dataRows, metricRows } from './program-figures.ts';
import { environmentRows, needRows } from './program-needs.ts';
import { parameterRows, profileRows } from './program-parameters.ts';
import { stepRows } from './program-steps.ts';
import { plain, plainLine, table } from './text.ts';

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
    runs: shown.runs.map(({ record, own, isOther }) => ({
      id: record.id,
      status: record.status,
      program: `${record.program.name}:${record.program.version}`,
      own,
      ...(isOther ? { isOther } : {}),
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
  const yours = runs.filter(({ own }) => own).length;
  const count = `${runs.length} run${runs.length > 1 ? 's travel' : ' travels'} along, of ${programs} program${programs > 1 ? 's' : ''}${yours === 0 ? '' : `, ${yours} of them yours`}`;
  const others = runs
    .filter(({ isOther }) => isOther)
    .map(
      ({ record }) =>
        `  run ${plainLine(record.id)} is none of yours: your run of that id has another record`,
    );
  return runs.length > FEW_RUNS
    ? [count, ...others]
    : [count, renderRuns(runs.map((run) => rowOf(run))).replace(/^/gm, '  '), ...others];
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

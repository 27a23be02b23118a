import type { Finding } from '../../errors/same-error.ts';
import type { ClaimRecord, RunRecord } from '../../runs/run-record.ts';
import { loggedParameters } from '../../runs/run-row.ts';
import { renderFinding } from './finding.ts';
import { renderParameters } from './plan.ts';
import { matrixText, renderSteps, stepsSummary } from './run-steps.ts';
import { shownSteps } from './shown-steps.ts';
import { figure, paint, plain, plainLine, plainRecord, seconds, table } from './text.ts';

/** A run for people: what it was, what came out, and how it compares with what the authors claim. */
export function renderRun(
  written: RunRecord,
  options: { own: boolean; colour: boolean; full: boolean },
): string {
  // Values of parameters are printed as JSON, which is harmless once it is plain.
  // Of steps only how many became what, unless all is wanted.
  const steps = options.full ? written.steps : [];
  const record = { ...plainRecord({ ...written, steps }), parameters: written.parameters };
  const { program, usage } = record;
  const took = usage ? ` in ${seconds(usage.durationMs)}` : '';
  const lines = [
    `run ${record.id} of ${program.name}:${program.version}${program.pinned ? '' : ' (unpinned)'} ${record.status}${took}${options.own ? '' : ' (not yours)'}`,
    `  program ${program.digest}`,
    ...renderParameters(record.parameters).map((line) => `  ${plainLine(line)}`),
  ];
  if (options.full) lines.push(...renderDetails(record));
  if (written.steps.length > 1 || written.steps.some(({ cached }) => cached))
    lines.push(`  ${plainLine(stepsSummary(shownSteps(written)))}`);
  if (record.metrics.length > 0) lines.push('  metrics', renderMetrics(written));
  if (record.claims.length > 0) lines.push('  claims', table(record.claims.map(renderClaim), '    '));
  for (const [name, { digest }] of Object.entries(record.outputs)) lines.push(`  output ${name} ${digest}`);
  for (const { what, want, have } of record.waivers)
    lines.push(`  waived ${what}: want ${want}, have ${have}`);
  if (options.full) lines.push(...renderWarnings(record));
  return lines.join('\n');
}

/** More than this are for programs to read. */
const FIGURES = 40;

function renderMetrics({ metrics, steps }: Pick<RunRecord, 'metrics' | 'steps'>): string {
  const unfinished = new Map(
    steps.flatMap(({ name, status }) =>
      ['failed', 'timeout', 'canceled'].includes(status) ? [[name, status] as const] : [],
    ),
  );
  const rows = metrics.slice(0, FIGURES).map(({ name, step, matrix, value, unit, count, lost }) => {
    const end = unfinished.get(step);
    const notes = [
      ...(count === undefined ? [] : [`last of ${count}`]),
      ...(lost === undefined ? [] : [`then ${lost} that ${lost === 1 ? 'is' : 'are'} not finite`]),
      // What a step says that did not come to its end is no result.
      ...(end === undefined ? [] : [end]),
    ];
    return [
      plainLine(name),
      `${figure(value)}${unit ? ` ${plainLine(unit)}` : ''}`,
      `${plainLine(step)}${notes.length === 0 ? '' : ` (${notes.join(', ')})`}`,
      plainLine(matrixText(matrix)),
    ];
  });
  const more = metrics.length - rows.length;
  return `${table(rows, '    ')}${more > 0 ? `\n    and ${more} more, told by --json` : ''}`;
}

/** Parameters that steps logged, beside those that the program declares. */
function renderLogged(record: RunRecord): string[] {
  const logged = Object.entries(loggedParameters(record)).filter(
    ([name]) => !Object.hasOwn(record.parameters, name),
  );
  if (logged.length === 0) return [];
  const more = logged.length - FIGURES;
  return [
    '  logged parameters',
    ...logged
      .slice(0, FIGURES)
      .map(([name, value]) => `    ${plainLine(`${name}: ${JSON.stringify(value)}`)}`),
    ...(more > 0 ? [`    and ${more} more, told by --json`] : []),
  ];
}

/** Parameters that steps logged as one value and as others. */
function renderDrift({ steps }: RunRecord): string[] {
  const rows = steps.flatMap(({ name: step, logged }) =>
    Object.entries(logged?.drift ?? {}).map(([name, others]) => {
      const first = logged?.parameters?.[name];
      const was = first === undefined ? '' : `logged as ${JSON.stringify(first)}, `;
      return `    ${step}: ${name} ${was}also ${others.map((other) => JSON.stringify(other)).join(', ')}`;
    }),
  );
  return few('drift of logged parameters', rows);
}

/** What the run warned of: `same run` has said it as it went by. */
function renderWarnings({ warnings }: RunRecord): string[] {
  return few(
    'warnings',
    warnings.map((warning) => `    ${warning}`),
  );
}

/** Lines under a head, as many as people read; nothing where there are none. */
function few(head: string, rows: readonly string[]): string[] {
  if (rows.length === 0) return [];
  const more = rows.length - FIGURES;
  return [
    `  ${head}`,
    ...rows.slice(0, FIGURES).map(plainLine),
    ...(more > 0 ? [`    and ${more} more, told by --json`] : []),
  ];
}

function renderClaim(claim: ClaimRecord): string[] {
  const mark = { within: 'agrees', outside: 'DIFFERS', 'not-run': 'not run', error: 'error' }[claim.outcome];
  const expected = `claimed ${figure(claim.expect)}${claim.allowed ? ` ± ${figure(claim.allowed)}` : ''}`;
  const got =
    claim.got === undefined
      ? (claim.because ?? '')
      : `got ${figure(claim.got)} (${difference(claim.delta!, claim.expect)})`;
  return [mark, claim.id, expected, got, claim.cite ?? ''];
}

/** What is left of a difference once the rounding of doubles is taken off. */
function difference(delta: number, expect: number): string {
  if (Math.abs(delta) <= 2 ** -50 * Math.abs(expect)) return 'equal';
  return `${delta >= 0 ? '+' : ''}${Number(delta.toPrecision(3))}`;
}

/** What is known of a run that another tool kept: its record has fields that only say so. */
function renderImported(record: RunRecord): string[] {
  const { from, id, name, group } = record.imported!;
  return [
    `  kept by ${from} as ${id}${name === undefined || name === id ? '' : ` (${name})`}, of ${group}`,
    `  started ${record.startedAt}${record.finishedAt ? `, finished ${record.finishedAt}` : ''}`,
    ...(record.code.revision === undefined ? [] : [`  revision ${record.code.revision}`]),
    ...(record.parent === undefined ? [] : [`  part of ${record.parent}`]),
    ...renderLogged(record),
    ...(record.error === undefined ? [] : [`  error ${record.error.code} ${record.error.message}`]),
  ];
}

function renderDetails(record: RunRecord): string[] {
  if (record.imported) return renderImported(record);
  const lines = [
    record.id.includes('/') ? `  name ${record.display}` : `  id ${record.display || '-'}`,
    `  target ${record.target} (engine ${record.engine})${record.profile ? `, profile ${record.profile}` : ''}`,
    `  machine ${record.machine.os} ${record.machine.arch}, ${record.machine.cpu} cpu, ${(record.machine.memoryBytes / 2 ** 30).toFixed(1)} GiB${record.machine.gpu.length > 0 ? `, ${record.machine.gpu.join(', ')}` : ''}`,
    `  started ${record.startedAt}${record.finishedAt ? `, finished ${record.finishedAt}` : ''}, same ${record.runtime}`,
    `  code ${record.code.digest}${record.code.revision ? ` (revision ${record.code.revision}${record.code.dirty ? ', with local changes' : ''})` : ''}`,
  ];
  for (const [name, { key, locked }] of Object.entries(record.environments)) {
    lines.push(`  environment ${name} ${key}${locked ? '' : ' (not locked)'}`);
  }
  for (const [name, { digest, uri }] of Object.entries(record.data))
    lines.push(`  data ${name} ${digest} (${uri})`);
  if (record.resumes !== undefined) lines.push(`  went on from run ${record.resumes}`);
  if (record.parent !== undefined) lines.push(`  part of ${record.parent}`);
  const { steps: only = [], from, until } = record.selection ?? {};
  const asked = [
    ...only.map((name) => `--step ${name}`),
    ...(from ? [`--from ${from}`] : []),
    ...(until ? [`--until ${until}`] : []),
  ];
  if (asked.length > 0) lines.push(`  only ${asked.join(' ')}`);
  lines.push(
    ...renderLogged(record),
    ...renderDrift(record),
    '  steps',
    renderSteps(shownSteps(record), '    '),
  );
  if (record.error) lines.push(`  error ${record.error.code} ${record.error.message}`);
  return lines;
}

/** Problems that are printed, and steps whose last lines are. */
const PROBLEMS = 20;
const TAILS = 3;

/**
 * Why a run did not succeed: the last lines of the steps that failed, every problem, and what to do next.
 * @param tail the last lines a step printed
 */
export function renderFailure(
  written: RunRecord,
  problems: readonly Finding[],
  tail: (step: string) => readonly string[],
  colour: boolean,
): string {
  const lines: string[] = [];
  const ended = (...statuses: string[]) => written.steps.filter(({ status }) => statuses.includes(status));
  const failed = ended('failed', 'timeout');
  const spoke = (failed.length > 0 ? failed : ended('canceled')).filter(({ name }) => tail(name).length > 0);
  for (const { name } of spoke.slice(0, TAILS)) {
    lines.push(paint(`last lines of step ${plainLine(name)}:`, 'dim', colour));
    lines.push(...tail(name).map((line) => `  ${plain(line)}`));
  }
  lines.push(...problems.slice(0, PROBLEMS).map((problem) => renderFinding(problem, colour)));
  if (problems.length > PROBLEMS) lines.push(`and ${problems.length - PROBLEMS} problems more`);
  if (problems.length === 0 && written.error)
    lines.push(`${plainLine(written.error.code)} ${plainLine(written.error.message)}`);
  // Of many steps, what one printed is hard to find in what all did.
  const only = written.steps.length > 1 && failed[0] ? ` --step ${plainLine(failed[0].name)}` : '';
  lines.push(`see everything it printed: same logs ${plainLine(written.id)}${only}`);
  return `${lines.join('\n')}\n`;
}

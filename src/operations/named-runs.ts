import { type Finding, SameError, throwFindings } from '../errors/same-error.ts';
import type { ToldRun } from './find-runs.ts';
import type { Ports } from './ports.ts';
import { showRunOrWithin } from './show-run.ts';

/**
 * The runs that texts name, in their order, each with what is said of it; one that is named twice comes once.
 * @throws SAME1608 · SAME1612, for all of them at once
 */
export async function namedRuns(ports: Ports, texts: readonly string[]): Promise<ToldRun[]> {
  const annotations = await ports.openAnnotations();
  const found = new Map<string, ToldRun>();
  const findings: Finding[] = [];
  for (const text of texts) {
    try {
      const run = await showRunOrWithin(ports, text);
      found.set(run.record.id, { ...run, ...annotations.of(run.record.id) });
    } catch (error) {
      if (!(error instanceof SameError)) throw error;
      findings.push(...error.findings);
    }
  }
  throwFindings(findings);
  return [...found.values()];
}

/** Names of at least two different runs. @throws SAME1902 */
export async function severalRuns(ports: Ports, texts: readonly string[], verb: string): Promise<ToldRun[]> {
  const runs = await namedRuns(ports, texts);
  if (runs.length > 1) return runs;
  throw new SameError({
    code: 'SAME1902',
    message:
      texts.length > 1
        ? `${texts.join(' and ')} are one run, ${runs[0]!.record.id}`
        : `${verb} takes at least two runs`,
    hint: 'list them with: same list runs',
  });
}

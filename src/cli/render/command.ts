/** A manifest's `run` as one line. */
export function renderCommandTemplate(run: string | string[]): string {
  if (typeof run === 'string') return run.trim().split('\n').join(' ⏎ ');
  return run.map((word) => (/^[^\s'"]+$/.test(word) ? word : JSON.stringify(word))).join(' ');
}

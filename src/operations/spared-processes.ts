/** What is said of the processes that were left alone. @param spared more than none */
export function sparedText(spared: number): string {
  return `${spared === 1 ? 'the process of it' : `the ${spared} processes of it`} that this command was started from`;
}

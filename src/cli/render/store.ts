import type { StoreState } from '../../operations/set-store.ts';
import { plainLine } from './text.ts';

/** Where runs are told to, and how that goes. */
export function renderStore(state: StoreState): string {
  const { kind, address, ca, reachable, because, waiting, refused, problem } = state;
  const lines = [
    `store      ${kind}`,
    ...(address === undefined ? [] : [`address    ${address}`]),
    ...(ca === undefined ? [] : [`trusts     ${ca}`]),
    ...(reachable === undefined ? [] : [`reachable  ${reachable ? 'yes' : 'no'}`]),
    ...(because ? [`           ${because.code} ${because.message}`] : []),
    ...(because?.hint === undefined ? [] : [`           ${because.hint}`]),
    `waiting    ${waiting}`,
    `refused    ${refused.length}`,
    ...refused.flatMap(({ what, findings }) =>
      findings.map(({ code, message }) => `           ${what}: ${code} ${message}`),
    ),
    ...(problem ? [`last       ${problem.code} ${problem.message}`] : []),
  ];
  return lines.map(plainLine).join('\n');
}

import { gunzipSync } from 'node:zlib';
import type { StoredObject } from '../kubernetes/cluster.ts';
import type { SubmittedCell, SubmittedState, SubmittedTry } from '../submitted/system.ts';
import { CELL } from './step-template.ts';

interface Node {
  id: string;
  name: string;
  type: string;
  phase?: string;
  message?: string;
  templateName?: string;
  inputs?: { parameters?: { name: string; value?: string }[] };
  outputs?: { exitCode?: string };
}

interface Status {
  phase?: string;
  message?: string;
  nodes?: Record<string, Node>;
  compressedNodes?: string;
}

const OVER = ['Succeeded', 'Failed', 'Error', 'Skipped', 'Omitted'];
/** Number of a try, at the end of the name of its node. */
const TRY = /\((\d+)\)$/;

const known = new WeakMap<StoredObject, SubmittedState>();

/** Reads what a controller has written into a Workflow; read once for each version of it. */
export function workflowState(workflow: StoredObject): SubmittedState {
  let state = known.get(workflow);
  if (!state) {
    state = stateOf(workflow);
    known.set(workflow, state);
  }
  return state;
}

function stateOf(workflow: StoredObject): SubmittedState {
  const status = (workflow.status ?? {}) as Status;
  const { shutdown } = (workflow.spec ?? {}) as { shutdown?: string };
  const cells = cellsOf(Object.values(nodesOf(status)));
  return {
    isTaken: Boolean(status.phase),
    message: status.message ?? '',
    isOver: isOver(status.phase),
    isShutDown: shutdown !== undefined && shutdown !== '',
    cell: (label, slot) => cells.get(`${label} ${slot}`),
  };
}

/** Of a Workflow with many nodes they are packed. */
function nodesOf({ nodes, compressedNodes }: Status): Record<string, Node> {
  if (!compressedNodes) return nodes ?? {};
  return JSON.parse(gunzipSync(Buffer.from(compressedNodes, 'base64')).toString('utf8'));
}

function cellsOf(nodes: Node[]): Map<string, SubmittedCell> {
  const cells = new Map<string, SubmittedCell>();
  const numbers = new Map<SubmittedTry, number>();
  for (const { id, name, type, phase = '', message = '', templateName, inputs, outputs } of nodes) {
    if (templateName === undefined || (type !== 'Pod' && type !== 'Retry')) continue;
    const slot = inputs?.parameters?.find((parameter) => parameter.name === CELL)?.value ?? '0';
    const key = `${templateName} ${slot}`;
    const cell = cells.get(key) ?? { tries: [], isOver: false, message: '' };
    cells.set(key, cell);
    if (type === 'Retry') {
      cell.isOver = isOver(phase);
      cell.message = message;
      continue;
    }
    const exitCode = Number(outputs?.exitCode ?? Number.NaN);
    const node: SubmittedTry = {
      id,
      message,
      isOver: isOver(phase),
      ...(Number.isInteger(exitCode) && exitCode >= 0 ? { exitCode } : {}),
    };
    cell.tries.push(node);
    numbers.set(node, Number(TRY.exec(name)?.[1] ?? 0));
  }
  for (const { tries } of cells.values()) tries.sort((a, b) => numbers.get(a)! - numbers.get(b)!);
  return cells;
}

function isOver(phase: string | undefined): boolean {
  return phase !== undefined && OVER.includes(phase);
}

import { gunzipSync } from 'node:zlib';
import type { StoredObject } from '../kubernetes/cluster.ts';
import { CELL } from './step-template.ts';

/** How far a Workflow is, as its controller says it. */
export interface WorkflowState {
  /** Absent where no controller has taken it up. */
  phase?: string;
  message: string;
  /** It has ended: nothing of it starts any more. */
  isOver: boolean;
  /** Somebody has asked it to end. */
  isShutDown: boolean;
  /** What it has of a cell: by the label of the step and the slot of the cell. */
  cell(label: string, slot: number): CellNodes | undefined;
}

/** What a Workflow has of one cell. */
export interface CellNodes {
  /** Its tries, the first one first: each is a pod. */
  tries: TryNode[];
  /** It has ended as well, and is not tried again. */
  isOver: boolean;
  message: string;
}

/** One try of a cell. */
export interface TryNode {
  id: string;
  phase: string;
  message: string;
  isOver: boolean;
  exitCode?: number;
}

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

const known = new WeakMap<StoredObject, WorkflowState>();

/** Reads what a controller has written into a Workflow; read once for each version of it. */
export function workflowState(workflow: StoredObject): WorkflowState {
  let state = known.get(workflow);
  if (!state) {
    state = stateOf(workflow);
    known.set(workflow, state);
  }
  return state;
}

function stateOf(workflow: StoredObject): WorkflowState {
  const status = (workflow.status ?? {}) as Status;
  const { shutdown } = (workflow.spec ?? {}) as { shutdown?: string };
  const cells = cellsOf(Object.values(nodesOf(status)));
  return {
    ...(status.phase ? { phase: status.phase } : {}),
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

function cellsOf(nodes: Node[]): Map<string, CellNodes> {
  const cells = new Map<string, CellNodes>();
  const numbers = new Map<TryNode, number>();
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
    const node: TryNode = {
      id,
      phase,
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

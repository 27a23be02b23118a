import type { RunCondition, RunField } from '../run-query.ts';
import { RUN_NAME } from '../run-row.ts';
import { Refusal } from './refusal.ts';

/** Tags that every run is shown with, and the fields of it that they repeat. */
const FIELDS = new Map([
  ['mlflow.runName', 'display'],
  ['mlflow.parentRunId', 'parent'],
  ['same.program', 'program'],
  ['same.version', 'version'],
  ['same.digest', 'digest'],
  ['same.status', 'status'],
]);
/** Tags that runs are shown with and that nothing finds them by. */
const SHOWN_ONLY = ['mlflow.source.name', 'mlflow.source.type', 'mlflow.note.content'];

/** What the history has of a field that clients see. @throws Refusal runs are not found by it */
export function indexedField(field: RunField): RunField {
  if (field.of !== 'tags') return field;
  if (SHOWN_ONLY.includes(field.name))
    throw new Refusal(
      'INVALID_PARAMETER_VALUE',
      `filter: runs of a history are shown with the tag ${field.name}, and not found or sorted by it`,
    );
  const name = FIELDS.get(field.name);
  return name === undefined ? field : { of: 'run', name };
}

/** The same for all fields of a condition. @throws Refusal */
export function indexedCondition(condition: RunCondition): RunCondition {
  if ('and' in condition) return { and: condition.and.map(indexedCondition) };
  if ('or' in condition) return { or: condition.or.map(indexedCondition) };
  if ('not' in condition) return { not: indexedCondition(condition.not) };
  const field = indexedField(condition.field);
  const isNamed = field.of === 'run' && field.name === 'display';
  const isFound = 'in' in condition || condition.operator === '=' || condition.operator === 'like';
  // A run that another tool kept is shown with the name that it had there.
  if (isNamed && isFound)
    return {
      or: [
        { ...condition, field },
        { ...condition, field: { of: 'tags', name: RUN_NAME } },
      ],
    };
  return { ...condition, field };
}

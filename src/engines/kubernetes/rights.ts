/** A right that running programs needs, in the namespace of the run. */
export interface Right {
  /** Empty for the core API. */
  group: string;
  /** `jobs`, or a part of one: `pods/log`. */
  resource: string;
  verbs: readonly string[];
}

/** Every right that the engine uses, and no other: what it asks for, what looks at the place before, and what cleans up. */
export const RIGHTS: readonly Right[] = [
  { group: 'batch', resource: 'jobs', verbs: ['create', 'get', 'list', 'watch', 'patch', 'delete'] },
  { group: '', resource: 'pods', verbs: ['get', 'list', 'watch', 'delete'] },
  { group: '', resource: 'pods/log', verbs: ['get'] },
  // A WebSocket begins as a GET; newer versions of the API ask for `create` beside it.
  { group: '', resource: 'pods/exec', verbs: ['get', 'create'] },
  { group: '', resource: 'secrets', verbs: ['create'] },
  { group: '', resource: 'persistentvolumeclaims', verbs: ['get'] },
  { group: 'networking.k8s.io', resource: 'networkpolicies', verbs: ['create', 'list', 'delete'] },
];

/** A right in words: `create jobs.batch`, `get pods/log`. */
export function rightText({ group, resource }: Pick<Right, 'group' | 'resource'>, verb: string): string {
  const [name, part] = resource.split('/') as [string, string?];
  return `${verb} ${name}${group === '' ? '' : `.${group}`}${part === undefined ? '' : `/${part}`}`;
}

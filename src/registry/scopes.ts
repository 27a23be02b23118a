/** What tokens allow: `TYPE:NAME` and the actions. */
export type Scopes = ReadonlyMap<string, ReadonlySet<string>>;

/** Scopes in the form `TYPE:NAME:ACTION,…`, several perhaps in one text; the actions of one resource come together. */
export function parseScopes(texts: readonly string[]): Scopes {
  const scopes = new Map<string, Set<string>>();
  for (const text of texts.flatMap((line) => line.split(/\s+/)).filter((part) => part !== '')) {
    // A name may have a colon too, before a port.
    const at = text.lastIndexOf(':');
    const hasActions = at > text.indexOf(':');
    const resource = hasActions ? text.slice(0, at) : text;
    const actions = scopes.get(resource) ?? new Set();
    if (hasActions)
      for (const action of text.slice(at + 1).split(',')) if (action !== '') actions.add(action);
    scopes.set(resource, actions);
  }
  return scopes;
}

/** The same as texts, sorted, one for each resource. */
export function scopeTexts(scopes: Scopes): string[] {
  return [...scopes]
    .map(([resource, actions]) =>
      actions.size > 0 ? `${resource}:${[...actions].sort().join(',')}` : resource,
    )
    .sort();
}

/** Whether a token for some scopes is enough for others. */
export function covers(has: Scopes, wanted: Scopes): boolean {
  return [...wanted].every(([resource, actions]) => {
    const allowed = has.get(resource);
    return allowed !== undefined && [...actions].every((action) => allowed.has(action));
  });
}

/** What of a text no database of PostgreSQL holds: the character 0, and halves of characters. */
export function storableText(text: string): string {
  return text.replaceAll('\0', '\ufffd').toWellFormed();
}

/** The same JSON with texts that a database can hold, and where others were, at most ten of them. */
export function storable<Value>(value: Value): { value: Value; changed: string[] } {
  const json = JSON.stringify(value) ?? '';
  // Looking for the escapes alone is quick, and where they only look so, nothing is changed.
  if (!/\\u(?:0000|d[89a-f])/i.test(json)) return { value, changed: [] };
  const changed: string[] = [];
  const held = (inner: unknown, path: string): unknown => {
    if (typeof inner === 'string') {
      const text = storableText(inner);
      if (text !== inner && changed.length < 10) changed.push(path);
      return text;
    }
    if (Array.isArray(inner)) return inner.map((item, at) => held(item, `${path}[${at}]`));
    if (typeof inner !== 'object' || inner === null) return inner;
    return Object.fromEntries(
      Object.entries(inner).map(([name, item]) => {
        const key = storableText(name);
        const at = path === '' ? key : `${path}.${key}`;
        if (key !== name && changed.length < 10) changed.push(at);
        return [key, held(item, at)];
      }),
    );
  };
  return { value: held(value, '') as Value, changed };
}

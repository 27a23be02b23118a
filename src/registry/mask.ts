/** The secrets of a session, which never show in what is said. */
export interface Mask {
  add(secret: string): void;
  /** The same text with every known secret, also as base64 or in a URL, shown as `***`. */
  hide(text: string): string;
}

/** Knows no secret yet. */
export function openMask(): Mask {
  const forms = new Set<string>();
  return {
    add(secret) {
      if (secret === '') return;
      for (const form of [
        secret,
        encodeURIComponent(secret),
        JSON.stringify(secret).slice(1, -1),
        Buffer.from(secret).toString('base64'),
        Buffer.from(secret).toString('base64url'),
      ]) {
        forms.add(form);
      }
    },
    hide(text) {
      // The longest first: one may be the beginning of another.
      const longestFirst = [...forms].sort((a, b) => b.length - a.length);
      return longestFirst.reduce((left, form) => left.replaceAll(form, '***'), text);
    },
  };
}

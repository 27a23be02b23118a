/** Letters, signs and pictures that take two columns: East Asian ones and emoji. */
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|^[\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]|^\p{Emoji_Presentation}|\ufe0f/u;
const NOTHING = /^[\p{Mn}\p{Me}\p{Cf}]+$/u;
const PRINTABLE = /^[\u0020-\u007e]*$/;

let segmenter: Intl.Segmenter | undefined;

/** How many columns of a terminal a text takes that is plain and one line. */
export function columnsOf(text: string): number {
  if (PRINTABLE.test(text)) return text.length;
  let columns = 0;
  for (const sign of signsOf(text)) columns += columnsOfSign(sign);
  return columns;
}

/** The beginning of a plain line that takes no more than so many columns, `…` standing for what is left out. */
export function cut(text: string, columns: number): string {
  if (columns <= 0) return '';
  if (text.length <= columns && PRINTABLE.test(text)) return text;
  let kept = '';
  let taken = 0;
  let whole = '';
  for (const sign of signsOf(text)) {
    taken += columnsOfSign(sign);
    if (taken > columns) return `${kept}…`;
    whole += sign;
    if (taken < columns) kept = whole;
  }
  return text;
}

/** Fills a text up to so many columns. */
export function pad(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - columnsOf(text)));
}

function* signsOf(text: string): Generator<string> {
  segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' });
  for (const { segment } of segmenter.segment(text)) yield segment;
}

function columnsOfSign(sign: string): number {
  if (NOTHING.test(sign)) return 0;
  return WIDE.test(sign) ? 2 : 1;
}

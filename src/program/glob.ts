/** A state of a glob's automaton: what may come next, by a character or without one. */
interface State {
  /** Consumes one character and goes on in `to`. */
  takes?: (char: string) => boolean;
  to: number;
  /** States that are reached at once. */
  also: number[];
}

const compiled = new Map<string, Automaton>();
/** Compiled globs that are kept: a program names a handful. */
const MOST_KEPT = 1000;

/**
 * True when a glob names a path, or names a directory that the path is in. `*` and `?` stay within one segment, `**`
 * crosses segments, `[…]` is a set and `{a,b}` a choice; a leading dot is a character like any other, and case counts.
 * Both are relative and `/`-separated. The time is at most that of the path's length times the glob's.
 */
export function matchesGlob(path: string, glob: string): boolean {
  let automaton = compiled.get(glob);
  if (!automaton) {
    if (compiled.size >= MOST_KEPT) compiled.clear();
    automaton = new Automaton(trimmed(glob));
    compiled.set(glob, automaton);
  }
  return automaton.matches(path);
}

function trimmed(glob: string): string {
  let [start, end] = [0, glob.length];
  while (glob.startsWith('./', start)) start += 2;
  while (end > start && glob[end - 1] === '/') end--;
  return glob.slice(start, end);
}

const inSegment = (char: string): boolean => char !== '/';
const any = (): boolean => true;

/** All states a glob can be in are followed at once: unlike backtracking, no glob makes that slow. */
class Automaton {
  readonly #states: State[] = [];
  readonly #end: number;
  /** In which step a state was last entered. */
  readonly #entered: number[];
  #step = 0;

  constructor(glob: string) {
    this.#end = this.#compile(glob);
    this.#entered = this.#states.map(() => -1);
  }

  matches(path: string): boolean {
    let active = this.#enter([0]);
    for (const char of path) {
      if (active.length === 0) return false;
      if (char === '/' && active.includes(this.#end)) return true;
      const next: number[] = [];
      for (const index of active) {
        const { takes, to } = this.#states[index]!;
        if (takes?.(char)) next.push(to);
      }
      active = this.#enter(next);
    }
    return active.includes(this.#end);
  }

  /** The states and all that are reached from them at once, each once. */
  #enter(states: number[]): number[] {
    const step = ++this.#step;
    const found: number[] = [];
    while (states.length > 0) {
      const index = states.pop()!;
      if (this.#entered[index] === step) continue;
      this.#entered[index] = step;
      found.push(index);
      for (const other of this.#states[index]!.also) states.push(other);
    }
    return found;
  }

  #add(): number {
    return this.#states.push({ to: 0, also: [] }) - 1;
  }

  /** @returns the state in which the whole glob has matched. */
  #compile(glob: string): number {
    let at = this.#add();
    const open: { start: number; end: number }[] = [];
    const lastClose = glob.lastIndexOf('}');
    let noSetBefore = 0;
    const link = (from: number, to: number) => this.#states[from]!.also.push(to);
    const take = (takes: State['takes'], from = at, to = this.#add()) => {
      Object.assign(this.#states[from]!, { takes, to });
      return to;
    };
    /** A new state that is reached from `from` at once. */
    const branch = (from: number): number => {
      const state = this.#add();
      link(from, state);
      return state;
    };
    for (let i = 0; i < glob.length; ) {
      const char = String.fromCodePoint(glob.codePointAt(i)!);
      if (char === '*' && glob[i + 1] === '*') {
        const whole = (i === 0 || glob[i - 1] === '/') && glob[i + 2] === '/';
        while (glob[i] === '*') i++;
        const loop = branch(at);
        if (whole) {
          // Whole segments, each with its slash.
          i++;
          const segment = take(inSegment, loop);
          take(inSegment, segment, segment);
          take((each) => each === '/', branch(segment), loop);
        } else take(any, loop, loop);
        at = branch(loop);
        continue;
      }
      const set = char === '[' && i >= noSetBefore ? setAt(glob, i) : undefined;
      if (set?.takes) {
        at = take(set.takes);
        i = set.end;
        continue;
      }
      if (set) noSetBefore = set.end;
      if (char === '*') {
        const loop = branch(at);
        take(inSegment, loop, loop);
        at = branch(loop);
      } else if (char === '?') at = take(inSegment);
      else if (char === '{' && i < lastClose) {
        open.push({ start: at, end: this.#add() });
        at = branch(at);
      } else if (char === '}' && open.length > 0) {
        const { end } = open.pop()!;
        link(at, end);
        at = end;
      } else if (char === ',' && open.length > 0) {
        const { start, end } = open.at(-1)!;
        link(at, end);
        at = branch(start);
      } else at = take((each) => each === char);
      i += char.length;
    }
    // Choices that were not closed.
    for (const { end } of open.reverse()) {
      link(at, end);
      at = end;
    }
    return at;
  }
}

/**
 * A `[…]` at an index of a glob. Where there is none, `end` is the index before which no other one ends either, or
 * just after the bracket when a range in it runs backwards.
 */
function setAt(glob: string, start: number): { takes?: State['takes']; end: number } {
  const pattern = /\[([!^]?)(\]?[^\]/]*)\]/y;
  pattern.lastIndex = start;
  const set = pattern.exec(glob);
  if (!set) {
    const slash = glob.indexOf('/', start);
    return { end: slash < 0 ? glob.length : slash };
  }
  try {
    const regex = new RegExp(`^[${set[1] ? '^' : ''}${set[2]!.replace(/[\\[\]^]/g, '\\$&')}]$`, 'u');
    return { takes: (char) => char !== '/' && regex.test(char), end: pattern.lastIndex };
  } catch {
    return { end: start + 1 };
  }
}

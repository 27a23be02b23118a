import type { ErrorCode } from '../errors/catalogue.ts';
import { SameError } from '../errors/same-error.ts';
import {
  createExclusively,
  dirname,
  fromErrno,
  join,
  namesIn,
  readIfThere,
  rmSync,
  writeAtomically,
} from '../host/files.ts';
import { foldName, isName, pinDirectory } from '../program/name.ts';
import { compareVersions, isVersion } from '../program/version.ts';
import type { Pin, PinStore } from './content-store.ts';
import { hexIn } from './digest.ts';
import { withLock } from './exclusive-lock.ts';

/**
 * The names in a content directory: `refs/<folded name, "/" as "~">/<version>`, a JSON file each. Readers take no
 * lock; writers of one name take turns, so a conflict is seen by exactly those who lose.
 */
export function openDiskPins(directory: string): PinStore {
  return new DiskPins(directory);
}

class DiskPins implements PinStore {
  readonly #home: string;
  readonly #refs: string;

  constructor(directory: string) {
    this.#home = dirname(directory);
    this.#refs = join(directory, 'refs');
  }

  list(onDamaged?: (problem: SameError) => void): Pin[] {
    return this.#guard('listing programs', () =>
      namesIn(this.#refs).flatMap((folder) => this.#pinsIn(folder, onDamaged)),
    );
  }

  versions(name: string): Pin[] {
    if (!isName(name)) return [];
    return this.#guard('listing versions', () => this.#pinsIn(pinDirectory(name)));
  }

  get(name: string, version: string): Pin | undefined {
    if (!isName(name) || !isVersion(version)) return undefined;
    const pin = this.#guard('reading a pin', () => this.#readPin(this.#pathOf(name, version)));
    // On a file system that folds case the file may be another version's.
    return pin?.version === version ? pin : undefined;
  }

  pin(pin: Pin, replace: 'soft' | 'none' = 'soft'): Pin | undefined {
    checkWords(pin);
    return this.#guard('pinning a program', () => {
      const before = this.#readPin(this.#pathOf(pin.name, pin.version));
      if (before && isSettled(before, pin)) return undefined;
      return this.#locked(pin.name, () => this.#pinLocked(pin, replace));
    });
  }

  check(pin: Pin, replace: 'soft' | 'none' = 'soft'): void {
    checkWords(pin);
    this.#guard('looking for a pin', () => {
      this.#checkSpelling(pin);
      const before = this.#readPin(this.#pathOf(pin.name, pin.version));
      if (before && before.digest !== pin.digest && before.pin !== replace) throw conflict(before, pin);
    });
  }

  #pinLocked(pin: Pin, replace: 'soft' | 'none'): Pin | undefined {
    this.#checkSpelling(pin);
    const path = this.#pathOf(pin.name, pin.version);
    const before = this.#readPin(path);
    if (!before) {
      createExclusively(path, textOf(pin));
      return undefined;
    }
    if (before.digest === pin.digest) {
      if (!isSettled(before, pin)) writeAtomically(path, textOf(merged(before, pin)), { sync: true });
      return undefined;
    }
    if (before.pin !== replace) throw conflict(before, pin);
    writeAtomically(path, textOf(pin), { sync: true });
    return before;
  }

  harden(name: string, version: string, registry?: string): void {
    const isSo = (pin: Pin | undefined): boolean =>
      !pin || (pin.pin === 'hard' && (registry === undefined || pin.registry === registry));
    this.#guard('pinning a program', () => {
      if (isSo(this.get(name, version))) return;
      this.#locked(name, () => {
        const now = this.get(name, version);
        if (!now || isSo(now)) return;
        const hard: Pin = { ...now, pin: 'hard', ...(registry === undefined ? {} : { registry }) };
        writeAtomically(this.#pathOf(name, version), textOf(hard), { sync: true });
      });
    });
  }

  remove(name: string, version: string): boolean {
    return this.#guard('removing a pin', () => {
      if (!this.get(name, version)) return false;
      return this.#locked(name, () => {
        if (!this.get(name, version)) return false;
        rmSync(this.#pathOf(name, version));
        return true;
      });
    });
  }

  #checkSpelling(pin: Pin): void {
    for (const other of this.#pinsIn(pinDirectory(pin.name))) {
      if (other.name !== pin.name) {
        throw refused(
          'SAME1207',
          `the name "${pin.name}" differs only in spelling from "${other.name}", which is here already`,
          `use "${other.name}", or delete its versions first`,
        );
      }
      if (other.version === pin.version) continue;
      const sameOrder = compareVersions(other.version, pin.version) === 0;
      if (!sameOrder && foldName(other.version) !== foldName(pin.version)) continue;
      throw refused(
        'SAME1207',
        `the version ${pin.name}:${pin.version} differs only in spelling from ${other.name}:${other.version}, which is here already`,
        `use ${other.version}, or the next version`,
      );
    }
  }

  #locked<T>(name: string, work: () => T): T {
    return withLock(join(this.#refs, pinDirectory(name), '.lock'), work);
  }

  #pathOf(name: string, version: string): string {
    return join(this.#refs, pinDirectory(name), version);
  }

  #pinsIn(folder: string, onDamaged?: (problem: SameError) => void): Pin[] {
    const read = (path: string): Pin | undefined => {
      try {
        return this.#readPin(path);
      } catch (error) {
        if (!onDamaged || !(error instanceof SameError)) throw error;
        onDamaged(error);
        return undefined;
      }
    };
    return namesIn(join(this.#refs, folder))
      .filter(isVersion)
      .map((version) => read(join(this.#refs, folder, version)))
      .filter((pin) => pin !== undefined)
      .sort((a, b) => compareVersions(a.version, b.version) || (a.version < b.version ? -1 : 1));
  }

  #readPin(path: string): Pin | undefined {
    const text = readIfThere(path)?.toString();
    if (text === undefined) return undefined;
    const pin = parsePin(text);
    if (pin) return pin;
    throw new SameError({
      code: 'SAME1302',
      message: 'a pin file is damaged',
      place: path,
      hint: 'delete the file and create or import the program again',
      clause: 'SAME-RUN-020',
    });
  }

  #guard<T>(doing: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw fromErrno(error, doing, this.#home);
    }
  }
}

/**
 * One digest wished for again: a hard wish makes the pin hard, an origin is noted where none was known, and of registries
 * the last one.
 */
function merged(before: Pin, wish: Pin): Pin {
  const origin = before.origin ?? wish.origin;
  const registry = wish.registry ?? before.registry;
  const pin = wish.pin === 'hard' ? 'hard' : before.pin;
  return {
    ...before,
    pin,
    ...(origin === undefined ? {} : { origin }),
    ...(registry === undefined ? {} : { registry }),
  };
}

/** Whether a wish changes nothing. */
function isSettled(before: Pin, wish: Pin): boolean {
  return (
    before.name === wish.name &&
    before.version === wish.version &&
    before.digest === wish.digest &&
    (before.pin === 'hard' || wish.pin === 'soft') &&
    (before.origin !== undefined || wish.origin === undefined) &&
    (wish.registry === undefined || before.registry === wish.registry)
  );
}

function checkWords({ name, version }: Pin): void {
  if (!isName(name)) throw refused('SAME1201', `"${name}" is not a name`);
  if (!isVersion(version)) throw refused('SAME1202', `"${version}" is not a version`);
}

function textOf(pin: Pin): string {
  return `${JSON.stringify(pin, null, 2)}\n`;
}

function parsePin(text: string): Pin | undefined {
  try {
    const pin = JSON.parse(text) as Pin;
    const whole = isName(pin.name) && isVersion(pin.version) && hexIn(pin.digest) !== undefined;
    return whole && (pin.pin === 'soft' || pin.pin === 'hard') ? pin : undefined;
  } catch {
    return undefined;
  }
}

function conflict(before: Pin, wish: Pin): SameError {
  return new SameError(
    {
      code: 'SAME1206',
      message: `${wish.name}:${wish.version} is pinned to ${before.digest}, not to ${wish.digest}`,
      place: `${wish.name}:${wish.version}`,
      hint: `give the change another version, or remove the pin with: same delete ${wish.name}:${wish.version}`,
    },
    { details: { pinned: before.digest, wanted: wish.digest } },
  );
}

function refused(code: ErrorCode, message: string, hint?: string): SameError {
  return new SameError({ code, message, ...(hint ? { hint } : {}) });
}

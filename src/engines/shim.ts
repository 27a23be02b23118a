import { join, readFileSync } from '../host/files.ts';

/** Bytes that the shim may have at most: small enough to travel in a variable of every step. */
export const SHIM_BYTES = 3072;

/** Codes with which an attempt ends that ran out of time, and one that could not be carried out. */
export const TIMED_OUT = 124;

/**
 * The text of `shim.sh`: what carries one attempt of a step by the step contract where nothing but POSIX sh is. It reads
 * a step script (`step-script.ts`) from the file `SAME_STEP_FILE` or, in base64, from the variable `SAME_STEP_B64`. It needs
 * the commands that spec SAME-ENG-014 names, and uses setsid, tee and mkfifo where they are.
 */
export function shimText(): string {
  return readFileSync(join(import.meta.dirname, 'shim.sh'), 'utf8');
}

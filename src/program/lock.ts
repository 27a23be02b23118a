/** `same.lock`: everything a program's sources leave open, pinned (spec chapter program, section Lock). */
export interface Lock {
  apiVersion: 'same/v1';
  kind: 'Lock';
  data?: Record<string, { uri: string; digest: string; size: number }>;
  /** By environment name, then by platform such as `linux-x86_64`. */
  environments?: Record<string, Record<string, PythonLock>>;
}

/** The packages of one python environment on one platform, sorted by name. */
export interface PythonLock {
  /** `major.minor` of the interpreter. */
  python: string;
  /** Digest of the requirements it was made from: another digest means the lock is out of date. */
  of: string;
  packages: { name: string; version: string; hashes: string[]; marker?: string }[];
}

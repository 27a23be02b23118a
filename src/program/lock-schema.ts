import { z } from 'zod';
import type { SameShape } from './equality.ts';
import type { Lock } from './lock.ts';

const sha256 = z.string().regex(/^sha256:[0-9a-f]{64}$/, {
  error: 'is not a digest: sha256: and 64 lower-case hexadecimal digits',
});
const digest = z.string().regex(/^(tree:)?sha256:[0-9a-f]{64}$/, {
  error: 'is not a digest: sha256: and 64 lower-case hexadecimal digits',
});
const identifier = z.string().regex(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/);

const pythonLock = z.strictObject({
  python: z.string().regex(/^[0-9]+\.[0-9]+$/, { error: 'is not major.minor' }),
  of: sha256,
  packages: z.array(
    z.strictObject({
      name: z.string().min(1),
      version: z.string().min(1),
      hashes: z.array(sha256).min(1),
      marker: z.string().min(1).optional(),
    }),
  ),
});

/** The whole lock, strict: `same.lock` has no `x-` keys and nothing that this version does not know. */
export const lockSchema = z.strictObject({
  apiVersion: z.literal('same/v1'),
  kind: z.literal('Lock'),
  data: z
    .record(identifier, z.strictObject({ uri: z.string().min(1), digest, size: z.int().min(0) }))
    .optional(),
  environments: z
    .record(identifier, z.record(z.string().regex(/^[a-z0-9]+-[a-z0-9_]+$/), pythonLock))
    .optional(),
});

true satisfies SameShape<z.infer<typeof lockSchema>, Lock>;

import fc from 'fast-check';
import type { Features } from '../components/fault-answers.ts';
import {
  answers,
  cutAnswer,
  cutRequest,
  type Fault,
  forgetUploads,
  gzipped,
  type Misdeed,
  otherBytes,
  overlong,
  truncated,
  withHeaders,
} from '../components/faults.ts';

const lengths = fc.nat({ max: 3000 });

/** Headers that a client looks at. */
const LEADING = ['docker-content-digest', 'location', 'range', 'content-range', 'content-type', 'link'];

/** What may go wrong with one request. */
const misdeed: fc.Arbitrary<Misdeed> = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(400, 401, 403, 404, 405, 408, 413, 416, 429, 500, 501, 502, 503, 504),
      fc.constantFrom({}, { 'retry-after': '3' }, { 'www-authenticate': 'Basic realm="x"' }),
      fc.boolean(),
    )
    .map(([status, headers, early]) => answers(status, headers as Record<string, string>, '', { early })),
  lengths.map(cutRequest),
  lengths.map(cutAnswer),
  fc.constant<Misdeed>({ send: 'lost' }),
  fc.constant(otherBytes()),
  fc
    .tuple(fc.integer({ min: 1, max: 50 }), fc.constantFrom('sent', 'whole', 'unsaid'))
    .map(([by, length]) => truncated(by, length)),
  fc.integer({ min: 1, max: 50 }).map(overlong),
  fc.constant(gzipped()),
  fc.constant(forgetUploads()),
  fc.constantFrom(...LEADING).map((name) => withHeaders({ [name]: undefined })),
  fc
    .tuple(
      fc.constantFrom(...LEADING),
      fc.constantFrom('0-0', '0-77', 'nonsense', `sha256:${'0'.repeat(64)}`, 'bytes 5-9/10'),
    )
    .map(([name, value]) => withHeaders({ [name]: value })),
);

/** What is over when the same is asked again. */
const passing: fc.Arbitrary<Misdeed> = fc.oneof(
  fc
    .tuple(fc.constantFrom(408, 429, 500, 502, 503, 504), fc.constantFrom('0', '3', 'soon'))
    .map(([status, said]) => answers(status, { 'retry-after': said })),
  lengths.map(cutRequest),
  lengths.map(cutAnswer),
  fc.constant<Misdeed>({ send: 'lost' }),
  fc.constant(forgetUploads()),
);

/** What is asked of a registry. */
const REQUESTS: [string, RegExp][] = [
  ['HEAD', /\/blobs\/sha256:/],
  ['GET', /\/blobs\/sha256:/],
  ['POST', /\/blobs\/uploads\//],
  ['GET', /\/blobs\/uploads\//],
  ['PATCH', /\/blobs\/uploads\//],
  ['PUT', /\/blobs\/uploads\//],
  ['HEAD', /\/manifests\//],
  ['GET', /\/manifests\//],
  ['PUT', /\/manifests\//],
  ['GET', /\/referrers\//],
];

/** One fault: which requests it meets, and what happens to them. */
export const fault: fc.Arbitrary<Fault> = fc
  .record({
    request: fc.constantFrom(...REQUESTS),
    skip: fc.nat({ max: 5 }),
    times: fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 1, max: 3 }) },
      { weight: 1, arbitrary: fc.constant(1000) },
    ),
    misdeed,
  })
  .map(({ request: [method, path], misdeed, ...when }) => ({ method, path, ...when, ...misdeed }));

/** One fault that is over after one request. */
export const passingFault: fc.Arbitrary<Fault> = fc
  .record({ request: fc.constantFrom(...REQUESTS), skip: fc.nat({ max: 8 }), misdeed: passing })
  .map(({ request: [method, path], skip, misdeed }) => ({ method, path, skip, times: 1, ...misdeed }));

/** What a registry can do. */
export const features: fc.Arbitrary<Partial<Features>> = fc.record({
  referrers: fc.constantFrom('api', 'none', 'empty'),
  subjectHeader: fc.constantFrom('when-listed', 'always', 'never'),
  mount: fc.boolean(),
  ranges: fc.boolean(),
  locations: fc.constantFrom('relative', 'absolute', 'query', 'state', 'elsewhere'),
  pageSize: fc.constantFrom(1, 3, 1000),
  digestHeader: fc.boolean(),
  refusePatch: fc.constantFrom(undefined, 400, 404, 405),
  chunkMinBytes: fc.constantFrom(undefined, 1700),
});

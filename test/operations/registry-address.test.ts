import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Ports } from '../../src/operations/ports.ts';
import {
  expandAddress,
  parsePushTarget,
  parseRegistryHost,
  parseRegistryReference,
} from '../../src/operations/registry-address.ts';
import { parseConfiguration } from '../../src/program/configuration.ts';

const aliases = `registries:
  aliases:
    lab: oci://Registry.example.org/Papers
    bare: oci://localhost:5000
    default: oci://registry.example.org/all
`;

/** A home with a configuration; how often it was read is counted. */
function homeWith(configuration: string | undefined) {
  const seen = { parsed: 0 };
  const ports = {
    home: '/home/user/.same',
    files: {
      read: (path: string) =>
        path === '/home/user/.same/config.yaml' && configuration !== undefined
          ? Buffer.from(configuration)
          : undefined,
    },
    async parseConfiguration(bytes: Uint8Array, file: string) {
      seen.parsed++;
      return parseConfiguration(bytes, file);
    },
  };
  return { ports: ports as unknown as Ports, seen };
}

const { ports } = homeWith(aliases);
const study = { name: 'Lab/Study', version: '1.0' };

describe('a reference to a registry', () => {
  it('has its host and its repository in lower case, and its name as it is written', async () => {
    const { address, reference } = await parseRegistryReference(ports, 'oci://GHCR.io/Org/arXiv.1:1.0+B');
    assert.deepEqual(address, { host: 'ghcr.io', repository: 'org/arxiv.1' });
    assert.deepEqual(reference, { host: 'ghcr.io', namespace: 'Org', name: 'arXiv.1', version: '1.0+B' });
  });

  for (const [text, host, repository] of [
    ['oci://lab/study:1.0', 'registry.example.org', 'papers/study'],
    ['oci://LAB/group/study', 'registry.example.org', 'papers/group/study'],
    ['oci://bare/study', 'localhost:5000', 'study'],
    ['oci://localhost/study', 'localhost', 'study'],
    ['oci://lab:443/study', 'lab:443', 'study'],
    ['oci://[::1]:5000/study', '[::1]:5000', 'study'],
  ] as const) {
    it(`leads to ${host}/${repository}: ${text}`, async () => {
      assert.deepEqual((await parseRegistryReference(ports, text)).address, { host, repository });
    });
  }

  it('keeps its digest through an alias', async () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    const { reference } = await parseRegistryReference(ports, `oci://lab/study:1.0@${digest}`);
    assert.deepEqual(reference, {
      host: 'registry.example.org',
      namespace: 'Papers',
      name: 'study',
      version: '1.0',
      digest,
    });
  });

  it('reads the configuration only when its host could be an alias', async () => {
    const { ports, seen } = homeWith('no: [valid');
    for (const host of ['ghcr.io', 'localhost', 'lab:5000', '[::1]', 'LOCALHOST:1'])
      await parseRegistryReference(ports, `oci://${host}/study`);
    assert.equal(seen.parsed, 0);
    await assert.rejects(parseRegistryReference(ports, 'oci://lab/study'), { code: 'SAME1001' });
    assert.equal(seen.parsed, 1);
  });

  for (const [text, code, message] of [
    ['oci://lap/study', 'SAME1805', /there is no alias "lap" — did you mean lab\?.*lab, bare, default/],
    ['oci://constructor/study', 'SAME1805', /there is no alias "constructor"/],
    ['study:1.0', 'SAME1805', /"study:1.0" is no address of a registry/],
    ['localhost:5000/lab/study:1.0', 'SAME1805', /is no address of a registry/],
    ['https://ghcr.io/study', 'SAME1203', /not a reference/],
    ['oci://lab', 'SAME1203', /"oci:\/\/lab" is not a reference/],
    ['oci://lab/', 'SAME1201', /"" is not a name/],
    ['oci://lab/a..b', 'SAME1201', /"a..b" is not a name/],
    ['oci://lab/study:latest', 'SAME1202', /"latest" is not a version/],
    [`oci://lab/${'n'.repeat(125)}`, 'SAME1201', /is not a name/],
    [`oci://${'h'.repeat(200)}.org/${'n'.repeat(60)}`, 'SAME1805', /265 characters of host and name/],
  ] as const) {
    it(`is refused with ${code}: ${text.slice(0, 40)}`, async () => {
      await assert.rejects(parseRegistryReference(ports, text), { code, message });
    });
  }

  it('says how to set an alias where none is', async () => {
    await assert.rejects(parseRegistryReference(homeWith(undefined).ports, 'oci://lab/study'), (error) => {
      const [finding] = (error as { findings: { message: string; hint: string }[] }).findings;
      assert.equal(finding!.message, 'there is no alias "lab" (no alias is set)');
      assert.match(finding!.hint, /same create alias lab oci:\/\/HOST\/NAMESPACE; .*oci:\/\/lab:443/);
      return true;
    });
  });
});

describe('the place that a program is pushed to', () => {
  for (const [text, host, repository] of [
    ['oci://ghcr.io', 'ghcr.io', 'lab/study'],
    ['oci://GHCR.io/Org', 'ghcr.io', 'org/lab/study'],
    ['oci://ghcr.io/org/lab/study', 'ghcr.io', 'org/lab/study'],
    ['oci://ghcr.io/lab/STUDY', 'ghcr.io', 'lab/study'],
    ['oci://ghcr.io/org/lab/study:1.0', 'ghcr.io', 'org/lab/study'],
    // The boundary of a segment: neither is the name.
    ['oci://ghcr.io/mylab/study', 'ghcr.io', 'mylab/study/lab/study'],
    ['oci://ghcr.io/study', 'ghcr.io', 'study/lab/study'],
    ['oci://lab', 'registry.example.org', 'papers/lab/study'],
    ['oci://lab/more', 'registry.example.org', 'papers/more/lab/study'],
    ['oci://lab/lab/study:1.0', 'registry.example.org', 'papers/lab/study'],
    ['oci://bare', 'localhost:5000', 'lab/study'],
  ] as const) {
    it(`is ${host}/${repository}: ${text}`, async () => {
      assert.deepEqual(await parsePushTarget(ports, text, study, 'oci://elsewhere.org/lab/study'), {
        address: { host, repository },
        version: '1.0',
      });
    });
  }

  it('is below the namespace of an alias, even where that is spelt like the program', async () => {
    const papers = { name: 'papers', version: '1.0' };
    const pushed = await parsePushTarget(ports, 'oci://lab', papers);
    assert.equal(pushed.address.repository, 'papers/papers');
    const { address } = await parseRegistryReference(ports, 'oci://lab/papers:1.0');
    assert.deepEqual(address, pushed.address);
  });

  it('is where it was before, and only then the alias "default"', async () => {
    const { ports, seen } = homeWith(aliases);
    const before = await parsePushTarget(ports, undefined, study, 'oci://ghcr.io/org/lab/study');
    assert.deepEqual([before.address, seen.parsed], [{ host: 'ghcr.io', repository: 'org/lab/study' }, 0]);
    const { address } = await parsePushTarget(ports, undefined, study);
    assert.deepEqual(address, { host: 'registry.example.org', repository: 'all/lab/study' });
  });

  it('is where it is found, and where it is pushed to again, however it was said', async () => {
    const segment = fc.stringMatching(/^[A-Za-z0-9]{1,4}([._-][A-Za-z0-9]{1,3}){0,2}$/);
    const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
    const host = fc.constantFrom(
      'ghcr.io',
      'localhost:5000',
      'lab',
      'bare',
      'default',
      '[::1]:5000',
      'GHCR.io',
    );
    await fc.assert(
      fc.asyncProperty(host, fc.option(path), path, async (host, namespace, name) => {
        const program = { name, version: '1.0' };
        const target = namespace === null ? `oci://${host}` : `oci://${host}/${namespace}`;
        const { address } = await parsePushTarget(ports, target, program);
        assert.ok(`/${address.repository}`.endsWith(`/${name.toLowerCase()}`));
        const remembered = `oci://${address.host}/${address.repository}`;
        assert.deepEqual((await parseRegistryReference(ports, `${remembered}:1.0`)).address, address);
        assert.deepEqual((await parsePushTarget(ports, undefined, program, remembered)).address, address);
        assert.deepEqual((await parsePushTarget(ports, `${remembered}:1.0`, program)).address, address);
      }),
      { numRuns: 300 },
    );
  });

  it('has to be said when there is neither', async () => {
    for (const configuration of [undefined, 'registries: {aliases: {lab: "oci://ghcr.io"}}'])
      await assert.rejects(parsePushTarget(homeWith(configuration).ports, undefined, study), {
        code: 'SAME1902',
        message: /Lab\/Study:1.0 was in no registry before, and no default registry is set/,
      });
  });

  for (const [text, code, message] of [
    ['oci://ghcr.io/org/lab/study:1.1', 'SAME1204', /is not where Lab\/Study:1.0 goes/],
    ['oci://ghcr.io/org:1.0', 'SAME1204', /is not where Lab\/Study:1.0 goes: its path is org:1.0/],
    ['oci://ghcr.io/org/lab/study:latest', 'SAME1202', /"latest"/],
    ['oci://ghcr.io/org/lab/study:', 'SAME1202', /"" in/],
    [`oci://ghcr.io/lab/study@sha256:${'a'.repeat(64)}`, 'SAME1805', /has a digest/],
    ['oci://ghcr.io/', 'SAME1805', /ends with a slash/],
    ['oci://ghcr.io/org/', 'SAME1201', /is not a name/],
    ['oci://gh_cr.io/org', 'SAME1805', /"gh_cr.io" in .* is no host/],
    ['ghcr.io/org', 'SAME1805', /is no address/],
    ['oci://nowhere', 'SAME1805', /there is no alias "nowhere"/],
    [`oci://ghcr.io/${'n'.repeat(125)}`, 'SAME1201', /is not a name/],
  ] as const) {
    it(`is refused with ${code}: ${text.slice(0, 40)}`, async () => {
      await assert.rejects(parsePushTarget(ports, text, study), { code, message });
    });
  }

  it('is refused to a version whose tag would list what refers to a digest', async () => {
    const version = `sha256-${'a'.repeat(64)}`;
    await assert.rejects(parsePushTarget(ports, 'oci://ghcr.io', { name: 'study', version }), {
      code: 'SAME1202',
    });
  });
});

describe('a host', () => {
  it('is said alone, as an address, or by an alias', async () => {
    for (const [text, host] of [
      ['GHCR.io', 'ghcr.io'],
      ['localhost:5000', 'localhost:5000'],
      ['oci://ghcr.io/org', 'ghcr.io'],
      ['lab', 'registry.example.org'],
      ['oci://bare', 'localhost:5000'],
    ] as const)
      assert.equal(await parseRegistryHost(ports, text), host);
    await assert.rejects(parseRegistryHost(ports, 'user@ghcr.io'), { code: 'SAME1805' });
  });

  it('is put in the place of its alias, whatever follows', async () => {
    assert.equal(await expandAddress(ports, 'oci://lab/x:1@y'), 'oci://registry.example.org/Papers/x:1@y');
    assert.equal(await expandAddress(ports, 'oci://Ghcr.io/X'), 'oci://Ghcr.io/X');
  });
});

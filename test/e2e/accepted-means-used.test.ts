import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { manifest, openRig, type Rig } from './rig.ts';

describe('an option that has nothing to do', () => {
  let rig: Rig;
  before(async () => {
    rig = openRig();
    rig.write({ 'study/same.yaml': manifest('run: echo hello') });
    await rig.same(['create', '-f', 'study']);
    await rig.same(['run', 'study']);
    await rig.same(['export', '-n', 'study:1.0', '-o', 'study.tgz']);
  });
  after(() => rig[Symbol.dispose]());

  for (const [words, message] of [
    [['create', '-f', 'study.tgz', '--dereference'], /--dereference has nothing to do/],
    [
      ['export', '-n', 'study:1.0', '-o', 'other.tgz', '--portable'],
      /--portable chooses the file name, and so does -o/,
    ],
    [
      ['verify', 'integrity', 'study', '--limit', 'entries=5'],
      /--limit entries has nothing to do: study is no bundle/,
    ],
    [['unpack', 'study', '--limit', 'json=8Mi'], /--limit json has nothing to do: study is no bundle/],
    [['show', 'study', '--limit', 'json=8Mi'], /--limit json has nothing to do: study is no bundle/],
    [['export', '-n', 'study:1.0', '-o', 'other.tgz', '--with-data'], /--with-data has nothing to do/],
    [['create', '-f', 'study', '--limit', 'ratio=2000'], /--limit ratio has nothing to do/],
    [
      ['export', '-n', 'study:1.0', '-o', 'other.tgz', '--limit', 'ratio=2000'],
      /--limit ratio has nothing to do: nothing is unpacked to write other\.tgz/,
    ],
    [
      ['export', '-n', 'study:1.0', '-o', 'study.tgz', '--force', '--limit', 'ratio=2000'],
      /--limit ratio has nothing to do: nothing is unpacked to write study\.tgz/,
    ],
    [['commit', 'study', '--as', '1.1', '--limit', 'ratio=2000'], /--limit ratio has nothing to do/],
    [['plot', 'runs', 'latest', '--metric', 'a', '--force'], /--force has nothing to do: there is no -o/],
    [
      ['delete', 'run', 'latest', '--yes'],
      /--yes has nothing to do: runs that are named are deleted at once/,
    ],
    [['list', 'runs', '--json', '--format', 'csv'], /--json is a format, and so is --format csv/],
    [['list', 'runs', 'oci://registry.example.org/a', '--limit', '3'], /--limit is of runs here/],
    [['compare', 'runs', 'latest', 'latest'], /latest and latest are one run/],
    [['tag', 'run', 'latest'], /tag run takes NAME or NAME=VALUE, or --remove NAME/],
    [['logs', 'latest', '--json', '-f'], /--json prints one document and cannot follow/],
    [['commit', 'study:1.0', '--as', '1.1', '--set', 'a', '--set', 'b'], /got "a"[\s\S]*got "b"/],
  ] as const) {
    it(`is refused: same ${words.join(' ')}`, async () => {
      const { code, stderr } = await rig.same([...words]);
      assert.equal(code, 2);
      assert.match(stderr, /^SAME1902 /);
      assert.match(stderr, message);
    });
  }
});

describe('looking', () => {
  it('stores nothing: show leaves the store as it is', async () => {
    using other = openRig();
    other.write({ 'study/same.yaml': manifest('run: echo hello') });
    await other.same(['create', '-f', 'study']);
    await other.same(['run', 'study']);
    const blobs = () => readdirSync(join(other.home, 'content/blobs/sha256')).sort();
    const stored = blobs();
    const shown = (await other.same(['show', 'study', '--json'])).json();
    assert.deepEqual(blobs(), stored);
    const exported = (await other.same(['export', '-n', 'study:1.0', '--json'])).json();
    assert.deepEqual(exported.digests, shown.digests);
  });

  it('passes over a damaged run that came along: it is named, the others are listed', async () => {
    using author = openRig();
    author.write({ 'study/same.yaml': manifest('run: echo hello') });
    await author.same(['create', '-f', 'study']);
    await author.same(['run', 'study']);
    await author.same(['export', '-n', 'study:1.0', '-o', 'study.tgz']);
    using other = openRig();
    assert.equal((await other.same(['import', author.path('study.tgz')])).code, 0);
    await other.same(['run', 'study']);
    const blobs = join(other.home, 'content/blobs/sha256');
    for (const name of readdirSync(blobs)) {
      const path = join(blobs, name);
      if (statSync(path).size > 0 && readFileSync(path, 'utf8').includes('"kind":"Run"'))
        writeFileSync(path, 'damaged');
    }
    const listed = await other.same(['list', 'runs', '--json']);
    assert.equal(listed.code, 0, listed.stderr);
    assert.equal(listed.json().items.length, 1);
    assert.match(listed.stderr, /warning: SAME1301 passed over: .*import its bundle again/);
  });
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { costIn, measuring } from '../components/peak-memory.ts';
import { missing } from '../components/registry.ts';
import { manifest, openRig, type Rig } from './rig.ts';

/** What none of these processes exceeds, whatever the bundle holds; node itself starts near 50 MB. */
const PEAK_BYTES = 150e6;
/** As many as a layer may have. */
const MANY_FILES = 100_000;
const BIG_BYTES = 5e9;
/** Room for three copies of the big file: two that are needed, one that is being written. */
const DISK_BYTES = 3 * BIG_BYTES + 1e9;

const skip = process.env.CI ? false : (missing('python3', 'openssl', 'cmp') ?? false);

/** What commands cost, said as they end and judged together, so that one failure shows all that is too much. */
class Costs {
  readonly #over: string[] = [];
  readonly #t: TestContext;
  readonly #rig: Rig;

  constructor(t: TestContext, rig: Rig) {
    this.#t = t;
    this.#rig = rig;
  }

  /** Runs `same` in a home, asserts that it succeeds, and gives what it printed as JSON. */
  async of(words: string[], home: string): Promise<{ digest: string; digests: Record<string, string> }> {
    const report = this.#rig.path('cost');
    const startedAt = performance.now();
    const ended = await this.#rig.same([...words, '--json'], {
      under: measuring(report),
      env: { SAME_HOME: this.#rig.path(home) },
    });
    const command = `same ${words.join(' ')}`;
    assert.equal(ended.code, 0, `${command}\n${ended.stderr}`);
    const { peakBytes, cpuS } = costIn(report);
    const seconds = (performance.now() - startedAt) / 1000;
    const said = `${command}: ${(peakBytes / 1e6).toFixed(0)} MB`;
    this.#t.diagnostic(`${said}, ${seconds.toFixed(1)} s, ${cpuS.toFixed(1)} s of CPU`);
    if (peakBytes > PEAK_BYTES) this.#over.push(said);
    return ended.json();
  }

  assertSmall(): void {
    assert.deepEqual(this.#over, [], `over ${PEAK_BYTES / 1e6} MB`);
  }
}

/**
 * The life of the program in `study/`: a home, a file, another home, a folder again. What is no longer needed is taken
 * away at once where room is `scarce`.
 */
async function live(t: TestContext, rig: Rig, scarce = false): Promise<string> {
  const costs = new Costs(t, rig);
  const drop = (name: string): void => {
    if (scarce) rmSync(rig.path(name), { recursive: true });
  };
  const created = await costs.of(['create', '-f', 'study'], 'author');
  drop('study');
  const words = ['export', '-n', 'study:1.0', '-o', 'bundle'];
  const exported = (await costs.of(words, 'author')).digests;
  assert.equal(exported.program, created.digest);
  // It reads what is there before it replaces it.
  if (!scarce) assert.deepEqual((await costs.of(words, 'author')).digests, exported);
  drop('author');

  const digests = ({ program, index, archive }: Record<string, string>) => ({ program, index, archive });
  const verified = await costs.of(['verify', 'integrity', './bundle'], 'other');
  assert.deepEqual(digests(verified.digests), digests(exported));
  const imported = await costs.of(['import', './bundle'], 'other');
  assert.deepEqual(digests(imported.digests), digests(exported));
  drop('other');
  await costs.of(['unpack', './bundle', '-o', 'unpacked'], 'third');
  drop('bundle');
  costs.assertSmall();
  return created.digest;
}

/** Creates the unpacked folder once more. */
async function createdAgain(rig: Rig): Promise<string> {
  const ended = await rig.same(['create', '-f', 'unpacked', '--json'], {
    env: { SAME_HOME: rig.path('fourth') },
  });
  assert.equal(ended.code, 0, ended.stderr);
  return ended.json().digest;
}

/** Bytes that no compressor shrinks and that are the same every time, made faster than a disk takes them. */
const ENDLESS = 'openssl enc -aes-128-ctr -nosalt -K 00 -iv 00 -in /dev/zero 2>/dev/null';

function shell(script: string, ...words: string[]): void {
  const { status, stderr } = spawnSync('sh', ['-c', script, ...words], { encoding: 'utf8' });
  assert.equal(status, 0, `${script}\n${stderr}`);
}

describe('a bundle goes through every command within 150 MB of memory', { skip }, () => {
  test('with a hundred thousand files', async (t) => {
    using rig = openRig();
    rig.write({ 'study/same.yaml': manifest('run: "true"') });
    for (let at = 0; at < MANY_FILES; at += 1000) {
      const directory = rig.path('study/files', `of-${at}`);
      mkdirSync(directory, { recursive: true });
      for (let one = at; one < at + 1000; one++)
        writeFileSync(join(directory, `${one}.txt`), `number ${one}\n`);
    }
    const digest = await live(t, rig);
    assert.equal(readdirSync(rig.path('unpacked/files/of-99000')).length, 1000);
    assert.equal(readFileSync(rig.path('unpacked/files/of-99000/99999.txt'), 'utf8'), 'number 99999\n');
    assert.equal(await createdAgain(rig), digest);
  });

  test('with a file of 5 GB that does not shrink', async (t) => {
    using rig = openRig();
    const { bavail, bsize } = statfsSync(rig.root);
    assert.ok(
      bavail * bsize >= DISK_BYTES,
      `this test needs ${DISK_BYTES / 1e9} GB free for temporary files in ${dirname(rig.root)}; there are ${((bavail * bsize) / 1e9).toFixed(1)} GB (TMPDIR chooses another place)`,
    );
    rig.write({ 'study/same.yaml': manifest('run: "true"') });
    shell(`${ENDLESS} | head -c ${BIG_BYTES} > "$0"`, rig.path('study/weights.bin'));
    await live(t, rig, true);
    assert.equal(statSync(rig.path('unpacked/weights.bin')).size, BIG_BYTES);
    shell(`${ENDLESS} | head -c ${BIG_BYTES} | cmp - "$0"`, rig.path('unpacked/weights.bin'));
  });

  test('with names in the scripts of the world, as long as a name may be', async (t) => {
    using rig = openRig();
    const files = Object.fromEntries(names().map((name) => [name, `the file of ${name}\n`]));
    rig.write({ 'study/same.yaml': manifest('run: "true"') });
    rig.write(Object.fromEntries(Object.entries(files).map(([name, text]) => [`study/${name}`, text])));
    const digest = await live(t, rig);
    const unpacked = readdirSync(rig.path('unpacked'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== 'same.yaml')
      .map((entry) => join(entry.parentPath, entry.name).slice(rig.path('unpacked').length + 1));
    assert.deepEqual(unpacked.sort(), Object.keys(files).sort());
    for (const [name, text] of Object.entries(files)) {
      assert.equal(readFileSync(rig.path('unpacked', name), 'utf8'), text);
    }
    assert.equal(await createdAgain(rig), digest);
  });
});

/** Paths, all of them NFC; a segment has at most 255 bytes, a path 1,024. */
function names(): string[] {
  const scripts = {
    latin: 'Größenverhältnisse façade Ærø Łódź Ştefan',
    greek: 'ἀρχὴ καὶ τέλος',
    cyrillic: 'Данные эксперимента №5',
    armenian: 'տվյալներ',
    georgian: 'მონაცემები',
    hebrew: 'נתונים של הניסוי',
    arabic: 'بيانات التجربة',
    'right to left and digits': 'نتائج 123 abc',
    devanagari: 'प्रयोग के आँकड़े',
    tamil: 'தரவுகள்',
    thai: 'ข้อมูลการทดลอง',
    tibetan: 'གྲངས་ཀ',
    ethiopic: 'መረጃ',
    chinese: '實驗數據与结果',
    'beyond the first plane': '𠮷野家 𝒳 𐍈',
    japanese: 'データと結果ガギグ',
    korean: '실험 데이터',
    emoji: '🧪📈 👩🏽‍🔬 🇨🇦',
    'combining, none composed': 'x̂ q̇ ẍ́',
    symbols: "a+b=c, d & e; (f) [g] {h} !@#$%^ ~'`",
  };
  const paths = Object.entries(scripts).map(([script, name]) => `scripts/${script}/${name}.txt`);
  const long = ['a'.repeat(255), `${'é'.repeat(127)}z`, '界'.repeat(85), `${'🧪'.repeat(63)}abc`];
  for (const segment of long) paths.push(`long/${segment}`);
  paths.push(['deep', ...Array(3).fill('d'.repeat(254)), 'e'.repeat(1024 - 4 - 3 * 255 - 1)].join('/'));
  paths.push([...Array(63).fill('s'), 'sixty-four segments'].join('/'));
  return paths.map((path) => path.normalize('NFC'));
}

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SameError } from '../../../src/errors/same-error.ts';
import { parsePostgresqlAddress } from '../../../src/runs/metadata/postgresql-address.ts';

describe('an address of PostgreSQL', () => {
  it('says where a database is, who asks it and how it is encrypted', () => {
    assert.deepEqual(parsePostgresqlAddress('postgresql://ann@db.example.org/lab'), {
      host: 'db.example.org',
      port: 5432,
      database: 'lab',
      user: 'ann',
    });
    assert.deepEqual(
      parsePostgresqlAddress('postgres://[::1]:6000/a%20b?sslmode=verify-full&sslrootcert=/ca.pem'),
      { host: '::1', port: 6000, database: 'a b', tls: 'verify-full', rootCertificate: '/ca.pem' },
    );
    assert.deepEqual(parsePostgresqlAddress('postgresql:///lab?host=/run/postgresql'), {
      host: '/run/postgresql',
      port: 5432,
      database: 'lab',
    });
  });

  const problems = (text: string): string[] => {
    try {
      parsePostgresqlAddress(text);
    } catch (error) {
      assert.ok(error instanceof SameError);
      return error.findings.map(({ code, message }) => `${code} ${message}`);
    }
    return [];
  };

  it('holds no password, and one that does is not repeated', () => {
    for (const text of [
      'postgresql://ann:hunter2@db/lab',
      'postgresql://ann@db/lab?password=hunter2',
      'postgresql//ann:hunter2@db/lab',
    ]) {
      const found = problems(text);
      assert.equal(found.length, 1, text);
      assert.match(found[0]!, /^SAME1814 /);
      assert.doesNotMatch(found[0]!, /hunter2/);
    }
  });

  it('is refused with all that it says and that is not used', () => {
    assert.deepEqual(problems('postgresql://db/?sslmode=yes&options=-c&sslmode=no#x'), [
      'SAME1814 the address names no database',
      'SAME1814 sslmode is "yes"',
      'SAME1814 the address says sslmode twice',
      'SAME1814 the address says options, which is not used',
      'SAME1814 the address has a # in it',
    ]);
    assert.deepEqual(problems('postgresql:///lab'), ['SAME1814 the address names no host']);
    assert.deepEqual(problems('postgresql://db/lab?host=/run'), ['SAME1814 the address names two hosts']);
    assert.deepEqual(problems('mysql://db/lab'), ['SAME1814 "mysql://db/lab" is no address of PostgreSQL']);
  });
});

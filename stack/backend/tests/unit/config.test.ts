import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../../src/config.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'backend-config-'));
  writeFileSync(join(folder, 'password'), 'pass word\n');
  writeFileSync(join(folder, 'one'), 'a-token-long-enough-1\n');
  writeFileSync(join(folder, 'two'), 'a-token-long-enough-2');
  writeFileSync(join(folder, 'short'), 'short');
  writeFileSync(join(folder, 'empty'), '\n');
  writeFileSync(join(folder, 'lines'), 'a-token-long-enough-1\na-token-long-enough-2\n');
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const good = {
  environment: { name: 'dev', kind: 'development' },
  listen: { host: '127.0.0.1', port: 8001 },
  orthanc: { url: 'http://127.0.0.1:8042', username: 'backend', password_file: 'password', ca_file: null },
  database: {
    host: '127.0.0.1',
    port: 27017,
    name: 'orthancgen',
    username: 'backend',
    password_file: 'password',
    direct_connection: true,
    tls_ca_file: null,
  },
  credentials: [
    { name: 'orthanc', role: 'webhook', token_file: 'one' },
    { name: 'operator', role: 'administrator', token_file: 'two' },
  ],
  delivery: { poll_seconds: 5, reconcile_minutes: 15, batch_size: 500, settle_milliseconds: 300 },
};

function problems(content: unknown): readonly string[] {
  const file = join(folder, 'backend.json');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  try {
    loadConfig(file);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('loadConfig', () => {
  it('reads secrets beside the file, without their last newline', () => {
    expect(problems(good)).toEqual([]);
    const config = loadConfig(join(folder, 'backend.json'));
    expect(config.orthanc.password).toBe('pass word');
    expect(config.credentials.map((it) => it.token)).toEqual(['a-token-long-enough-1', 'a-token-long-enough-2']);
    expect(config.delivery.pollSeconds).toBe(5);
  });

  it('does with what must be there', () => {
    const { delivery: _, ...rest } = good;
    expect(problems({ ...rest, orthanc: { url: 'https://orthanc.example/api/' } })).toEqual([]);
  });

  it('lists every problem with its key', () => {
    const found = problems({
      ...good,
      listen: { host: 'a b', port: 0 },
      orthanc: { url: 'http://me:secret@127.0.0.1', password_file: 'password' },
      credentials: [{ name: 'x', role: 'god', token_file: 'one' }],
      extra: 1,
    });
    const text = found.join('\n');
    for (const key of ['listen.host: ', 'listen.port: ', 'orthanc.url: ', 'credentials[0].role: ', 'extra']) {
      expect(text).toContain(key);
    }
    expect(text).not.toContain('secret');
  });

  it.each([
    [{ ...good, orthanc: { ...good.orthanc, password_file: null } }, 'username and password_file belong together'],
    [{ ...good, orthanc: { ...good.orthanc, password_file: 'nowhere' } }, 'orthanc.password_file: cannot read'],
    [{ ...good, orthanc: { ...good.orthanc, url: 'ftp://x' } }, 'must begin with http'],
    [{ ...good, credentials: [] }, 'credentials: '],
    [{ ...good, credentials: [{ name: 'a', role: 'viewer', token_file: 'short' }] }, 'shorter than 16'],
    [{ ...good, credentials: [{ name: 'a', role: 'viewer', token_file: 'empty' }] }, 'the file is empty'],
    [{ ...good, credentials: [{ name: 'a', role: 'viewer', token_file: 'lines' }] }, 'several lines'],
    [{ ...good, credentials: [good.credentials[0], { name: 'b', role: 'viewer', token_file: 'one' }] }, 'same token'],
    [{ ...good, credentials: [good.credentials[0], { ...good.credentials[1], name: 'orthanc' }] }, 'stands earlier'],
    [{ ...good, database: { ...good.database, name: 'a.b' } }, 'database.name: '],
    ['{', 'is not JSON'],
    ['[]', 'the file: '],
  ])('refuses %#: %s', (content, expected) => {
    const found = problems(content);
    expect(found.join('\n')).toContain(expected);
    expect(found.join('\n')).not.toMatch(/a-token-long-enough|pass word/);
  });

  it('says when the file is missing', () => {
    expect(() => loadConfig(join(folder, 'missing.json'))).toThrow(/cannot read .*missing.json: ENOENT/);
  });
});

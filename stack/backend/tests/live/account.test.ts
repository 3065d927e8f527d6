/** The program which makes the database's accounts, against a real server. */
import { spawn, spawnSync } from 'node:child_process';
import { createServer, connect } from 'node:net';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Ghost } from './ghost.ts';
import { available, Folder, freePort, GuardedDatabase } from './servers.ts';

const PROGRAM = fileURLToPath(new URL('../../dist/account.mjs', import.meta.url));
const ROOT = 'root-secret-0';

const folder = new Folder();
let database: GuardedDatabase;

interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly error: string;
}

interface Wish {
  readonly root?: string;
  readonly previous?: string | null;
  readonly user?: string;
  readonly database?: string;
  readonly port?: number;
  readonly set?: string;
  readonly members?: readonly number[];
  readonly wait_seconds?: number;
}

let runs = 0;

function configuration(wish: Wish): string {
  runs += 1;
  const place = folder.sub(`account-${String(runs)}`);
  writeFileSync(join(place, 'root'), `${wish.root ?? ROOT}\n`);
  writeFileSync(join(place, 'user'), `${wish.user ?? 'user-secret-1'}\n`);
  if (typeof wish.previous === 'string') writeFileSync(join(place, 'previous'), wish.previous);
  const file = join(place, 'account.json');
  const root = {
    username: 'orthancgen_root',
    password_file: 'root',
    previous_password_file: wish.previous === undefined ? null : 'previous',
  };
  writeFileSync(
    file,
    JSON.stringify({
      host: '127.0.0.1',
      port: wish.port ?? database.port,
      root,
      database: wish.database ?? 'records',
      user: { username: 'orthancgen_backend', password_file: 'user' },
      tls_ca_file: null,
      ...(wish.set === undefined ? {} : { replica_set: { name: wish.set, members: membersOf(wish) } }),
      ...(wish.wait_seconds === undefined ? {} : { wait_seconds: wish.wait_seconds }),
    }),
  );
  return file;
}

function membersOf(wish: Wish): { host: string; port: number }[] {
  return (wish.members ?? [database.port]).map((port) => ({ host: '127.0.0.1', port }));
}

async function run(wish: Wish): Promise<Ended> {
  const child = spawn(process.execPath, [PROGRAM, '--config', configuration(wish)]);
  let [output, error] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (error += text));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  // Whatever happens, no secret is told.
  expect(output + error).not.toContain('secret');
  return { code, output, error };
}

async function done(wish: Wish): Promise<unknown> {
  const { code, output, error } = await run(wish);
  expect({ code, error }).toEqual({ code: 0, error: '' });
  expect(output.endsWith('\n') && output.indexOf('\n') === output.length - 1).toBe(true);
  return JSON.parse(output) as unknown;
}

/** The code the server refuses a login's insert with; 0 where it takes it. */
async function refusal(user: string, password: string, source: string, name = source): Promise<unknown> {
  const client = new MongoClient(`mongodb://127.0.0.1:${String(database.port)}/`, {
    auth: { username: user, password },
    authSource: source,
    directConnection: true,
  });
  try {
    await client.db(name).collection('probe').insertOne({ one: 1 });
    return 0;
  } catch (error) {
    return (error as { code?: unknown }).code;
  } finally {
    await client.close();
  }
}

describe.skipIf(!available)('account.mjs', () => {
  beforeAll(async () => {
    database = await GuardedDatabase.start(folder, 'orthancgen_root', ROOT);
  });

  afterAll(async () => {
    await database.stop();
    folder.remove();
  });

  it('creates the user, and finds nothing to do the second time', async () => {
    expect(await done({ database: 'first' })).toEqual({ root: 'unchanged', user: 'created' });
    expect(await refusal('orthancgen_backend', 'user-secret-1', 'first')).toBe(0);
    expect(await done({ database: 'first' })).toEqual({ root: 'unchanged', user: 'unchanged' });
  });

  it('finds a replica set that is there, and refuses one that is another', async () => {
    const unchanged = { replica_set: 'unchanged', root: 'unchanged' };
    expect(await done({ database: 'set', set: 'secantus' })).toEqual({ ...unchanged, user: 'created' });
    expect(await done({ database: 'set', set: 'secantus' })).toEqual({ ...unchanged, user: 'unchanged' });
    const more = await run({ set: 'secantus', members: [database.port, await freePort()], wait_seconds: 5 });
    expect(more.code).toBe(1);
    expect(more.error).toMatch(/the replica set has the members 127\.0\.0\.1:\d+: .*rs\.add\("127\.0\.0\.1:\d+"\)/);
    const other = await run({ set: 'rs0', wait_seconds: 5 });
    expect(other.code).toBe(1);
    expect(other.error).toContain('are a replica set already, secantus, and not rs0');
  });

  it('begins a replica set on its first member, once every member answers', async () => {
    const ghost = await Ghost.start(database.port);
    try {
      ghost.absent = 2;
      const members = [ghost.port, await freePort(), await freePort()];
      const wish = { database: 'begun', set: 'orthancgen', port: ghost.port, members };
      expect(await done(wish)).toEqual({ replica_set: 'initiated', root: 'unchanged', user: 'created' });
      const listed = members.map((port, index) => ({ _id: index, host: `127.0.0.1:${String(port)}` }));
      expect(ghost.begun).toEqual([{ _id: 'orthancgen', members: listed }]);
      expect(ghost.absent).toBe(0);
      expect(await done(wish)).toEqual({ replica_set: 'unchanged', root: 'unchanged', user: 'unchanged' });
      expect(ghost.begun).toHaveLength(1);
    } finally {
      await ghost.stop();
    }
  });

  it('lets nobody else than the administrator begin a replica set', async () => {
    const ghost = await Ghost.start(database.port);
    try {
      const { code } = await run({
        set: 'orthancgen',
        port: ghost.port,
        members: [ghost.port],
        root: 'secret-of-a-stranger',
      });
      expect(code).toBe(1);
      expect(ghost.begun).toEqual([]);
    } finally {
      await ghost.stop();
    }
  });

  it('gives the user its one database alone, and takes back what it had more', async () => {
    await done({ database: 'second' });
    expect(await refusal('orthancgen_backend', 'user-secret-1', 'second', 'other')).toBe(13);
    await database.as(ROOT, async (client) =>
      client.db('second').command({
        updateUser: 'orthancgen_backend',
        roles: [
          { role: 'readWrite', db: 'second' },
          { role: 'readWrite', db: 'other' },
        ],
      }),
    );
    expect(await refusal('orthancgen_backend', 'user-secret-1', 'second', 'other')).toBe(0);
    expect(await done({ database: 'second' })).toEqual({ root: 'unchanged', user: 'updated' });
    expect(await refusal('orthancgen_backend', 'user-secret-1', 'second', 'other')).toBe(13);
  });

  it('gives the user its new password, and the old one is refused', async () => {
    await done({ database: 'third' });
    expect(await done({ database: 'third', user: 'user-secret-2' })).toEqual({ root: 'unchanged', user: 'updated' });
    expect(await refusal('orthancgen_backend', 'user-secret-2', 'third')).toBe(0);
    expect(await refusal('orthancgen_backend', 'user-secret-1', 'third')).toBe(18);
  });

  it('does not look at the previous password while the present one is taken', async () => {
    expect(await done({ previous: 'secret-of-long-ago' })).toMatchObject({ root: 'unchanged' });
    // Named, yet not there, or empty: as if none were named.
    expect(await done({ previous: null })).toMatchObject({ root: 'unchanged' });
    expect(await done({ previous: '\n' })).toMatchObject({ root: 'unchanged' });
  });

  it("sets root's new password with the previous one", async () => {
    const changed = { root: 'root-secret-1', previous: `${ROOT}\n` };
    try {
      expect(await done(changed)).toMatchObject({ root: 'changed' });
      expect(await refusal('orthancgen_root', 'root-secret-1', 'admin')).toBe(0);
      expect(await refusal('orthancgen_root', ROOT, 'admin')).toBe(18);
      expect(await done(changed)).toMatchObject({ root: 'unchanged' });
    } finally {
      expect(await done({ root: ROOT, previous: 'root-secret-1' })).toMatchObject({ root: 'changed' });
    }
  });

  it.each([[{ root: 'wrong-secret' }], [{ root: 'wrong-secret', previous: 'wrong-secret-too' }]])(
    'tells that root is refused (%#)',
    async (wish) => {
      const { code, output, error } = await run(wish);
      expect({ code, output }).toEqual({ code: 1, output: '' });
      expect(error).toContain('orthancgen_root');
      expect(error).toContain('previous');
    },
  );

  it('waits for a server that comes late', async () => {
    const port = await freePort();
    const running = run({ port, database: 'late' });
    await new Promise((resolve) => setTimeout(resolve, 4000));
    const relay = createServer((socket) => {
      const onward = connect(database.port, '127.0.0.1');
      for (const [one, other] of [
        [socket, onward],
        [onward, socket],
      ] as const) {
        one.on('error', () => other.destroy());
        one.pipe(other);
      }
    });
    await new Promise<void>((resolve) => relay.listen(port, '127.0.0.1', resolve));
    const { code, output } = await running;
    relay.close();
    expect(code).toBe(0);
    expect(JSON.parse(output)).toEqual({ root: 'unchanged', user: 'created' });
  });

  it('gives up on a server that never comes', async () => {
    const { code, error } = await run({ port: await freePort(), wait_seconds: 3 });
    expect(code).toBe(1);
    expect(error).toContain('does not answer');
  });

  it('names every problem of its configuration', () => {
    const place = folder.sub('wrong');
    const file = join(place, 'account.json');
    const problems = (content: object): string => {
      writeFileSync(file, JSON.stringify(content));
      const { status, stderr } = spawnSync(process.execPath, [PROGRAM, '--config', file], { encoding: 'utf8' });
      expect(status).toBe(2);
      return stderr;
    };
    const shape = problems({ host: 'a b', port: 0, root: {}, database: 'admin', user: null, more: 1 });
    for (const key of ['host', 'port', 'root.username', 'root.password_file', 'database', 'user', 'more']) {
      expect(shape).toContain(key);
    }
    const right = {
      host: 'database',
      port: 27017,
      root: { username: 'root', password_file: 'absent-1' },
      database: 'records',
      user: { username: 'backend', password_file: 'absent-2' },
    };
    const files = problems(right);
    expect(files).toContain('root.password_file: cannot read');
    expect(files).toContain('user.password_file: cannot read');
  });
});

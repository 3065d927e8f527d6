/** Whatever is killed, swapped, refused or frozen: afterwards the records are what Orthanc holds, each once. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { series, type Image } from './dicom.ts';
import { untilAlike } from './pictures.ts';
import { available, BackendServer, DatabaseServer, Folder, OrthancServer, until } from './servers.ts';

interface Status {
  ready: boolean;
  problems: string[];
  worker: { role: string; last_error: { source: string; kind: string; message: string } | null };
  delivery: { cursor: number; last_reconciliation: { mode: string; reasons: string[] } | null };
}

describe.skipIf(!available)('after a fault', () => {
  let folder: Folder;
  let orthanc: OrthancServer;
  let database: DatabaseServer;
  const backends: BackendServer[] = [];

  const backendOf = async (delivery: object = {}): Promise<BackendServer> => {
    const it = await BackendServer.create(folder, orthanc, database, delivery);
    backends.push(it);
    return it;
  };
  const ready = async (backend: BackendServer): Promise<void> => {
    await until('it is ready', async () => (await backend.request('/readyz')).ok, 40);
  };
  const burst = (count: number, patientId: string): Image[] =>
    Array.from({ length: count / 20 }, (_, index) =>
      series(20, { patientId: `${patientId}${String(index % 3)}` }),
    ).flat();
  const wait = async (milliseconds: number): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
  };

  const base = new Folder();
  beforeAll(async () => {
    database = await DatabaseServer.start(base);
  });
  afterAll(async () => {
    await database.close();
    base.remove();
  });
  beforeEach(async () => {
    folder = new Folder();
    orthanc = await OrthancServer.start(folder);
    await database.clear();
  });
  afterEach(async () => {
    await Promise.all([...backends.splice(0).map(async (it) => it.stop()), orthanc.stop()]);
    if (database.child === null) await database.start();
    folder.remove();
  });

  it('the backend killed again and again in a burst records each instance once', async () => {
    const backend = await backendOf({ batch_size: 20, settle_milliseconds: 0 });
    await backend.start();
    const storing = orthanc.store(burst(600, 'KILL'));
    for (let kills = 0; kills < 5; kills += 1) {
      await until('it records', async () => (await database.db.collection('instances').countDocuments()) > kills * 60);
      await wait(Math.random() * 150);
      expect(await backend.stop('SIGKILL')).toBeNull();
      await backend.start();
    }
    await storing;
    const picture = await untilAlike(orthanc, database, 45);
    expect(Object.keys(picture.instances)).toHaveLength(600);
  });

  it('the database killed in a burst loses nothing', async () => {
    const backend = await backendOf({ batch_size: 20, settle_milliseconds: 0 });
    await backend.start();
    const storing = orthanc.store(burst(600, 'DB'));
    for (let kills = 0; kills < 2; kills += 1) {
      await until('it records', async () => (await database.db.collection('instances').countDocuments()) > kills * 200);
      await database.stop('SIGKILL');
      await until('readiness fails', async () => (await backend.request('/readyz')).status === 503);
      expect((await backend.request('/healthz')).status).toBe(200);
      expect((await backend.request('/api/studies')).status).toBe(503);
      await database.start();
    }
    await storing;
    await untilAlike(orthanc, database, 45);
    await ready(backend);
  });

  it('a backend started before its database and Orthanc waits for both', async () => {
    await orthanc.store(burst(20, 'LATE'));
    await orthanc.stop();
    await database.stop();
    const backend = await backendOf();
    await backend.start();
    await until('it says why', async () => {
      const status = await backend.json<Status>('/api/status');
      return status.problems.join().includes('the database does not answer');
    });
    await database.start();
    await until('it says why', async () => {
      const status = await backend.json<Status>('/api/status');
      return status.problems.join().includes('Orthanc cannot be reached');
    });
    await orthanc.start();
    await untilAlike(orthanc, database, 40);
    await ready(backend);
  });

  it.each([
    { what: 'fewer changes', before: 60, after: 20 },
    { what: 'more changes', before: 20, after: 60 },
    { what: 'no change', before: 20, after: 0 },
  ])('another storage with $what is recognised and recorded', async ({ before, after }) => {
    const backend = await backendOf();
    await backend.start();
    await orthanc.store(burst(before, 'OLD'));
    await untilAlike(orthanc, database);
    // Frozen while the new storage fills: it sees only the outcome.
    backend.signal('SIGSTOP');
    await orthanc.stop();
    orthanc.storage = 'other';
    await orthanc.start();
    await orthanc.store(burst(after, 'NEW'));
    backend.signal('SIGCONT');
    const picture = await untilAlike(orthanc, database, 45);
    expect(Object.keys(picture.instances)).toHaveLength(after);
    const status = await until('the comparison is done', async () => {
      const it = await backend.json<Status>('/api/status');
      return it.delivery.last_reconciliation?.mode === 'full' && it;
    });
    expect(status.delivery.last_reconciliation?.reasons.join()).toMatch(/changes/);
  });

  it('an older copy of the storage, gone on differently, is recognised', async () => {
    const backend = await backendOf();
    await backend.start();
    const common = burst(20, 'COMMON');
    await orthanc.store(common);
    await untilAlike(orthanc, database);
    await orthanc.stop();
    cpSync(folder.sub('storage'), join(folder.path, 'copy'), { recursive: true });
    await orthanc.start();
    await orthanc.store(burst(20, 'FIRST'));
    // The same instance with other content in each history: only a full comparison can tell.
    await orthanc.store(common.slice(0, 3).map((it) => ({ ...it, pixel: 1 })));
    await untilAlike(orthanc, database, 45);
    backend.signal('SIGSTOP');
    await orthanc.stop();
    orthanc.storage = 'copy';
    await orthanc.start();
    await orthanc.store(burst(40, 'SECOND'));
    backend.signal('SIGCONT');
    await untilAlike(orthanc, database, 45);
  });

  it('a refused password is told, and its return is noticed', async () => {
    const backend = await backendOf();
    await backend.start();
    await ready(backend);
    const { password } = orthanc;
    await orthanc.stop();
    orthanc.password = 'another-secret-2';
    await orthanc.start();
    const status = await until('it is told', async () => {
      const it = await backend.json<Status>('/api/status');
      return it.problems.join().includes('refused') && it;
    });
    expect(status.ready).toBe(false);
    expect(status.worker.last_error).toMatchObject({ source: 'orthanc', kind: 'unauthorized' });
    expect(status.worker.last_error?.message).toContain('orthanc.username');
    expect(backend.output).not.toContain(password);
    await orthanc.stop();
    orthanc.password = password;
    await orthanc.start();
    await orthanc.store(burst(20, 'BACK'));
    await untilAlike(orthanc, database, 40);
    await ready(backend);
  });

  it('of two backends one delivers, and the other takes over when it dies', async () => {
    const first = await backendOf();
    await first.start();
    await ready(first);
    const second = await backendOf();
    await second.start();
    await ready(second);
    expect((await first.json<Status>('/api/status')).worker.role).toBe('leader');
    expect((await second.json<Status>('/api/status')).worker.role).toBe('standby');
    // Frozen, not dead: when it comes back it must see that it lost the lease.
    first.signal('SIGSTOP');
    await orthanc.store(burst(20, 'TWO'));
    await until(
      'the second leads',
      async () => (await second.json<Status>('/api/status')).worker.role === 'leader',
      30,
    );
    await untilAlike(orthanc, database);
    first.signal('SIGCONT');
    await until('the first stands by', async () => (await first.json<Status>('/api/status')).worker.role === 'standby');
    expect((await second.json<Status>('/api/status')).worker.role).toBe('leader');
    // One that ends in order gives the lease back at once.
    expect(await second.stop()).toBe(0);
    await until('the first leads', async () => (await first.json<Status>('/api/status')).worker.role === 'leader', 10);
  });

  it('it ends in time, and says why it cannot start', async () => {
    const backend = await backendOf();
    await backend.start();
    await ready(backend);
    const second = await backendOf();
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(second.port, '127.0.0.1', resolve));
    second.run();
    const code = await new Promise((resolve) => second.child?.once('exit', resolve));
    await new Promise((resolve) => taken.close(resolve));
    expect(code).toBe(1);
    expect(second.output).toMatch(/^cannot listen on 127\.0\.0\.1:\d+ \(EADDRINUSE\): another program/m);
    expect(second.output).not.toContain('    at ');

    orthanc.signal('SIGSTOP');
    await wait(1000);
    const started = performance.now();
    expect(await backend.stop()).toBe(0);
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(backend.output).toContain('"stopped"');
    expect(backend.output).not.toContain('not everything ended in time');
  });
});

/**
 * Several Orthancs on one index: a change that is shown after a later one is recorded, and the identifiers of the two
 * are not taken for two databases.
 *
 * What the two answer is played: PostgreSQL decides in which order transactions end, and only so can it be chosen.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recordCounts } from '../../src/delivery/reconcile.ts';
import { Worker } from '../../src/delivery/worker.ts';
import { Metrics } from '../../src/metrics.ts';
import { Orthanc, type Change } from '../../src/orthanc.ts';
import { openStore, type Store } from '../../src/store/database.ts';
import { available, DatabaseServer, Folder, until } from './servers.ts';

const date = new Date().toISOString().replaceAll(/[-:]|\.\d+Z/g, '');

/** Orthanc's answers about instances `i1`, `i2`, ... of one series, of which some can be seen. */
class Played {
  readonly shown = new Set<number>();
  systems = 0;
  server: Server | null = null;
  url = new URL('http://127.0.0.1/');

  async start(): Promise<void> {
    this.server = createServer((request, response) => {
      let body = '';
      request.on('data', (piece: Buffer) => (body += piece.toString()));
      request.on('end', () => {
        void this.#answer(request.url ?? '', body).then((answer) => response.end(JSON.stringify(answer)));
      });
    });
    const { server } = this;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.url = new URL(`http://127.0.0.1:${String((server.address() as AddressInfo).port)}`);
  }

  async #answer(path: string, body: string): Promise<unknown> {
    const url = new URL(path, this.url);
    const log = [...this.shown].toSorted((a, b) => a - b).map((seq) => change(seq));
    switch (url.pathname) {
      case '/system':
        this.systems += 1;
        return { Version: '1.13.0', DatabaseServerIdentifier: `orthanc-${String(this.systems % 2)}` };
      case '/statistics':
        return this.statistics();
      case '/changes': {
        if (url.searchParams.has('last')) return { Changes: log.slice(-1), Done: true, Last: log.at(-1)?.Seq ?? 0 };
        const since = Number(url.searchParams.get('since'));
        const limit = Number(url.searchParams.get('limit'));
        const found = log.filter((it) => it.Seq > since);
        const page = found.slice(0, limit);
        return { Changes: page, Done: found.length <= limit, Last: page.at(-1)?.Seq ?? log.at(-1)?.Seq ?? 0 };
      }
      case '/tools/bulk-content':
        return (JSON.parse(body) as { Resources: string[] }).Resources.map(resource);
      default:
        return url.searchParams.get('since') === '0' ? this.#ids(url.pathname) : [];
    }
  }

  /** As many as are recorded: nothing but the log can tell what is missing. */
  statistics: () => Promise<unknown> = async () => Promise.resolve(null);

  #ids(path: string): string[] {
    if (path === '/instances') return [...this.shown].map((it) => `i${String(it)}`);
    return [{ '/series': 'series', '/studies': 'study', '/patients': 'patient' }[path] ?? ''];
  }

  async stop(): Promise<void> {
    await new Promise((resolve) => this.server?.close(resolve));
  }
}

function change(seq: number): Change {
  return { ChangeType: 'NewInstance', Date: date, ID: `i${String(seq)}`, ResourceType: 'Instance', Seq: seq };
}

function resource(id: string): unknown {
  const common = { ID: id, MainDicomTags: {}, PatientMainDicomTags: {}, Metadata: {} };
  if (id === 'patient') return { ...common, Type: 'Patient' };
  if (id === 'study') return { ...common, Type: 'Study', ParentPatient: 'patient' };
  if (id === 'series') return { ...common, Type: 'Series', ParentStudy: 'study' };
  return { ...common, Type: 'Instance', ParentSeries: 'series', FileSize: 10, FileUuid: id };
}

describe.skipIf(!available)('several Orthancs on one index', () => {
  const played = new Played();
  let folder: Folder;
  let database: DatabaseServer;
  let store: Store;
  let orthanc: Orthanc;

  beforeAll(async () => {
    folder = new Folder();
    [database] = await Promise.all([DatabaseServer.start(folder), played.start()]);
    store = openStore(database.settings);
    played.statistics = async () => recordCounts(store, true);
    orthanc = new Orthanc({ url: played.url, username: null, password: null, ca: null, sharedIndex: true });
  });
  afterAll(async () => {
    await orthanc.close();
    await store.client.close();
    await database.close();
    await played.stop();
    folder.remove();
  });

  const worker = (): Worker =>
    new Worker({
      holder: 'one',
      orthanc,
      store,
      log: pino({ level: 'silent' }),
      metrics: new Metrics(),
      pollSeconds: 0.2,
      reconcileMinutes: 1000,
      batchSize: 10,
      settleMilliseconds: 0,
      sharedIndex: true,
    });
  const recorded = async (): Promise<string[]> =>
    (await store.instances.find({}, { projection: { _id: 1 } }).toArray()).map((it) => it._id).toSorted();

  it('lose no change that is shown after a later one', async () => {
    const first = worker();
    first.start();
    await until('it is the one that delivers', async () => Promise.resolve(first.status.finished !== null));
    for (const seq of [1, 2, 4, 5]) played.shown.add(seq);
    first.poke('stored');
    await until('what is shown is recorded', async () => (await recorded()).length === 4);
    await until('the cursor is before the gap', async () => (await store.state.findOne({}))?.cursor === 2);
    played.shown.add(3);
    await until('what came late is recorded', async () => (await recorded()).includes('i3'));
    await until('the cursor is past it', async () => (await store.state.findOne({}))?.cursor === 5);
    expect(first.status.finished?.reasons).toEqual(['start']);
    await first.stop();
  });

  it('lose none that comes while another backend takes over', async () => {
    const first = worker();
    first.start();
    await until('it is the one that delivers', async () => Promise.resolve(first.status.role === 'leader'));
    for (const seq of [6, 8, 9]) played.shown.add(seq);
    await until('what is shown is recorded', async () => (await recorded()).includes('i9'));
    await first.stop();
    const second = worker();
    const began = Date.now();
    second.start();
    // What its own first comparison finds is not of the log.
    await until('it has compared everything', async () =>
      Promise.resolve((second.status.finished?.finished_at.getTime() ?? 0) >= began),
    );
    played.shown.add(7);
    await until('what came late is recorded', async () => (await recorded()).includes('i7'));
    await second.stop();
  });
});

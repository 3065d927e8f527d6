/**
 * Times of searches of many studies, by HTTP from a real backend on a real database; figures as JSON.
 *
 * Environment: SEARCH_STUDIES, how many; SEARCH_SCANS, how many searches the database itself does for comparison;
 * SEARCH_OUTPUT, the file the figures are written to.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { CatalogueKeeper } from '../../src/catalogue/keeper.ts';
import { studyQuery } from '../../src/http/schemas.ts';
import { createLog } from '../../src/log.ts';
import { openStore, type Store } from '../../src/store/database.ts';
import type { StudyDocument } from '../../src/store/documents.ts';
import { studyFilter, studySort } from '../../src/store/search.ts';
import { fill } from '../filling.ts';
import { planOf, untilListed, watchFinds } from '../live/records.ts';
import { BackendServer, DatabaseServer, Folder, until } from '../live/servers.ts';
import { KINDS } from '../synthetic.ts';

const COUNT = Number(process.env.SEARCH_STUDIES ?? '100000');
const SCANS = Number(process.env.SEARCH_SCANS ?? '6');
const OUTPUT = process.env.SEARCH_OUTPUT ?? '';
const NOBODY = 9;
const SORTS = ['received', 'study_date', 'patient_name', 'patient_id', 'accession_number', 'instances'];
const LIMIT = 50;
/** A program that asks more often than a person may is refused: 3,000 a minute. */
const PAUSE_MILLISECONDS = 10;
const CLIENTS = 4;

interface Page {
  total: number;
  items: unknown[];
}

const pause = async (milliseconds: number): Promise<void> => new Promise((done) => setTimeout(done, milliseconds));
const residentMiB = (pid: number | undefined): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'))?.[1] ?? 0) / 1024;

async function timed(backend: BackendServer, query: Record<string, string>): Promise<{ ms: number; total: number }> {
  const began = performance.now();
  const { total } = await backend.json<Page>(`/api/studies?${new URLSearchParams(query).toString()}`);
  return { ms: performance.now() - began, total };
}

/** Each kind in each order, its first page, its second, the middle and the last one. */
async function everySearch(backend: BackendServer): Promise<Record<string, number[]>> {
  const times: Record<string, number[]> = {};
  for (const [kind, asked] of Object.entries(KINDS)) {
    const list: number[] = (times[kind] = []);
    for (const sort of SORTS) {
      for (const order of ['desc', 'asc']) {
        const query = { ...asked, sort, order, limit: String(LIMIT) };
        const { ms, total } = await timed(backend, query);
        list.push(ms);
        const last = Math.max(0, Math.floor((total - 1) / LIMIT) * LIMIT);
        const pages = new Set([LIMIT, Math.floor(last / 2), last].filter((offset) => offset > 0 && offset < total));
        for (const offset of pages) list.push((await timed(backend, { ...query, offset: String(offset) })).ms);
        await pause(PAUSE_MILLISECONDS);
      }
    }
  }
  return times;
}

/** Several people at once, while studies arrive: about ten changes a second, as a backend writes them. */
async function whileArriving(backend: BackendServer, store: Store, some: readonly StudyDocument[]): Promise<number[]> {
  const end = new AbortController();
  const writer = (async () => {
    for (let index = 0; !end.signal.aborted; index = (index + 1) % some.length) {
      const it = some[index];
      if (it === undefined) break;
      const set = { number_of_instances: it.number_of_instances + 1, last_received_at: new Date() };
      await store.studies.updateOne({ _id: it._id }, { $set: set, $currentDate: { changed_at: true } });
      await pause(100);
    }
  })();
  const times: number[] = [];
  const queries = Object.values(KINDS).flatMap((it) =>
    ['received', 'patient_name'].map((sort) => ({ ...it, sort, limit: String(LIMIT) })),
  );
  await Promise.all(
    Array.from({ length: CLIENTS }, async (_, client) => {
      for (let index = client; index < queries.length; index += CLIENTS) {
        times.push((await timed(backend, queries[index] ?? {})).ms);
        await pause(100);
      }
    }),
  );
  end.abort();
  await writer;
  return times;
}

/** What it was before: the database filters, sorts and counts. */
async function scans(database: DatabaseServer): Promise<number[]> {
  // Past the store, whose patience is 30 s.
  const studies = database.db.collection<StudyDocument>('studies');
  const times: number[] = [];
  const asked: Record<string, string>[] = [{}, { q: 'smith' }, { modality: 'CT' }, { q: '4711', sort: 'patient_name' }];
  for (let index = 0; index < SCANS; index += 1) {
    const query = studyQuery.parse(asked[index % asked.length]);
    const began = performance.now();
    await Promise.all([
      studies.countDocuments(studyFilter(query)),
      studies.find(studyFilter(query)).sort(studySort(query)).limit(LIMIT).toArray(),
    ]);
    times.push(performance.now() - began);
  }
  return times;
}

/** The plans of everything that searches ask of the database. */
async function plans(database: DatabaseServer, store: Store): Promise<string[]> {
  const finds = watchFinds();
  const keeper = new CatalogueKeeper(store, createLog('fatal', 'bench'));
  keeper.start();
  await until('it is read', async () => Promise.resolve(keeper.state === 'kept'), 300);
  for (const it of Object.values(KINDS)) {
    const found = await keeper.studies(studyQuery.parse(it));
    await store.studies.find({ _id: { $in: [...(found?.ids ?? [])] } }).toArray();
  }
  await keeper.stop();
  finds.stop();
  const seen = new Set<string>();
  for (const it of finds.asked) seen.add(`${it.collection} by ${await planOf(database.db, it)}`);
  return [...seen].toSorted();
}

it('searches', async () => {
  const folder = new Folder();
  const database = await DatabaseServer.start(folder);
  const store = openStore(database.settings);
  try {
    const all = await fill(store, COUNT);
    const backend = await BackendServer.create(folder, { httpPort: NOBODY }, database);
    await backend.start();
    const before = residentMiB(backend.child?.pid);
    await untilListed(backend, 300);
    const read = /"milliseconds":(\d+),"[^}]*list of studies is read/.exec(backend.output)?.[1];
    const after = residentMiB(backend.child?.pid);
    const times = await everySearch(backend);
    const arriving = await whileArriving(
      backend,
      store,
      all.slice(0, 500).map((it) => it.study),
    );
    const compared = await scans(database);
    const used = await plans(database, store);
    await backend.stop();
    const figures = {
      count: COUNT,
      read: Number(read ?? 0),
      before,
      after,
      times,
      arriving,
      scans: compared,
      plans: used,
    };
    if (OUTPUT === '') console.log(figures);
    else writeFileSync(OUTPUT, JSON.stringify(figures));
    expect(used.filter((it) => it.includes('COLLSCAN'))).toEqual([]);
  } finally {
    await store.client.close();
    await database.close();
    folder.remove();
  }
});

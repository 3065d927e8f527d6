/** Lists of a real backend on a real database, against the plainest reference; and what the database is asked for. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CatalogueKeeper } from '../../src/catalogue/keeper.ts';
import { normalize } from '../../src/delivery/records.ts';
import { patientQuery, studyQuery, type PatientQuery, type StudyQuery } from '../../src/http/schemas.ts';
import { createLog } from '../../src/log.ts';
import { openStore, type Store } from '../../src/store/database.ts';
import type { StudyDocument } from '../../src/store/documents.ts';
import { patientFilter, patientSort } from '../../src/store/search.ts';
import { tellRemovals } from '../../src/catalogue/removals.ts';
import { KINDS, NEWEST, synthetic } from '../synthetic.ts';
import { fill } from '../filling.ts';
import { planOf, untilListed, watchFinds } from './records.ts';
import { available, BackendServer, DatabaseServer, Folder, until } from './servers.ts';

const COUNT = 2_000;
const NOBODY = 9;
const SORTS: Readonly<Record<StudyQuery['sort'], (it: StudyDocument) => string | number>> = {
  study_date: (it) => it.study_date ?? '',
  received: (it) => it.last_received_at?.getTime() ?? -1,
  patient_name: (it) => normalize(it.patient_name),
  patient_id: (it) => normalize(it.patient_id),
  accession_number: (it) => normalize(it.accession_number ?? ''),
  instances: (it) => it.number_of_instances,
};

interface Page {
  total: number;
  items: { id: string }[];
}

/** Whether each word stands somewhere in one of the texts. */
const holds = (words: string | undefined, ...texts: (string | null)[]): boolean =>
  words === undefined ||
  normalize(words)
    .split(' ')
    .slice(0, 8)
    .every((word) => texts.some((it) => normalize(it ?? '').includes(word)));

/** The answer, by looking at everything, as a reader of the documentation would expect it. */
function expected(studies: readonly StudyDocument[], query: Readonly<Record<string, string>>): string[] {
  const { sort, order } = studyQuery.parse(query);
  const { q, patient_name, patient_id, accession_number, description, modality, sender } = query;
  const [from, to] = [query.study_date_from?.replaceAll('-', ''), query.study_date_to?.replaceAll('-', '')];
  const key = SORTS[sort];
  const found = studies.filter(
    (it) =>
      holds(q, it.patient_name, it.patient_id, it.accession_number, it.study_description) &&
      holds(patient_name, it.patient_name) &&
      holds(patient_id, it.patient_id) &&
      holds(accession_number, it.accession_number) &&
      holds(description, it.study_description) &&
      (modality === undefined ||
        modality.split(',').some((one) => it.modalities_in_study.includes(one.toUpperCase()))) &&
      (sender === undefined || it.remote_aets.includes(sender.toUpperCase()) || it.remote_ips.includes(sender)) &&
      (from === undefined || (it.study_date !== null && it.study_date >= from)) &&
      (to === undefined || (it.study_date !== null && it.study_date <= to)) &&
      (query.received_from === undefined ||
        (it.last_received_at !== null && it.last_received_at >= new Date(query.received_from))),
  );
  found.sort((a, b) => {
    const [left, right] = [key(a), key(b)];
    if (left === right) return a._id < b._id ? -1 : 1;
    return left > right ? -1 : 1;
  });
  const ids = found.map((it) => it._id);
  return order === 'desc' ? ids : ids.toReversed();
}

describe.skipIf(!available)('lists', () => {
  const folder = new Folder();
  let database: DatabaseServer;
  let backend: BackendServer;
  let store: Store;
  let studies: StudyDocument[];

  beforeAll(async () => {
    database = await DatabaseServer.start(folder);
    store = openStore(database.settings);
    studies = (await fill(store, COUNT)).map((it) => it.study);
    backend = await BackendServer.create(folder, { httpPort: NOBODY }, database);
    await backend.start();
    await untilListed(backend);
  }, 180_000);
  afterAll(async () => {
    await backend.stop();
    await store.client.close();
    await database.close();
    folder.remove();
  });

  const page = async (query: Readonly<Record<string, string>>): Promise<Page> =>
    backend.json<Page>(`/api/studies?${new URLSearchParams(query).toString()}`);

  it.each(Object.entries(KINDS))('answer in every order: %s', async (_kind, kind) => {
    for (const sort of Object.keys(SORTS)) {
      for (const order of ['asc', 'desc']) {
        const query = { ...kind, sort, order };
        const { total, items } = await page({ ...query, limit: '100' });
        const wanted = expected(studies, query);
        expect({ sort, order, total }).toEqual({ sort, order, total: wanted.length });
        expect(items.map((it) => it.id)).toEqual(wanted.slice(0, 100));
      }
    }
  });

  it('find something for nearly every question of the test', () => {
    const empty = Object.entries(KINDS).filter(([, kind]) => expected(studies, kind).length === 0);
    expect(empty.length).toBeLessThan(8);
  });

  it('have each study once, whatever the size of a page', async () => {
    for (const limit of [7, 500]) {
      const seen: string[] = [];
      for (let offset = 0; offset < COUNT; offset += limit) {
        if (limit === 7 && offset > 350 && offset < COUNT - 350) continue;
        const { items } = await page({ sort: 'study_date', limit: String(limit), offset: String(offset) });
        seen.push(...items.map((it) => it.id));
      }
      expect(new Set(seen).size).toBe(seen.length);
      if (limit === 500) expect(seen).toEqual(expected(studies, { sort: 'study_date' }));
    }
    expect((await page({ offset: '5000' })).items).toEqual([]);
  });

  it('of patients are those the database itself gives', async () => {
    const unread = new CatalogueKeeper(store, createLog('fatal', 'test'));
    const keeper = new CatalogueKeeper(store, createLog('fatal', 'test'));
    keeper.start();
    await until('it is read', async () => Promise.resolve(keeper.state === 'kept'));
    expect(await unread.patients(patientQuery.parse({}))).toBeNull();
    for (const kind of [{}, { q: 'an' }, { patient_name: 'smith' }, { patient_id: '12' }]) {
      for (const sort of ['received', 'patient_name', 'patient_id', 'studies'] as PatientQuery['sort'][]) {
        for (const order of ['asc', 'desc'] as const) {
          const query = patientQuery.parse({ ...kind, sort, order, limit: '100', offset: '3' });
          const found = store.patients.find(patientFilter(query)).sort(patientSort(query)).skip(3).limit(100);
          const wanted = (await found.toArray()).map((it) => it._id);
          expect((await keeper.patients(query))?.ids, JSON.stringify(query)).toEqual(wanted);
        }
      }
    }
    await keeper.stop();
  });

  it('ask the database for nothing without an index', async () => {
    const finds = watchFinds();
    const keeper = new CatalogueKeeper(store, createLog('fatal', 'test'));
    keeper.start();
    await until('it is read', async () => Promise.resolve(keeper.state === 'kept'));
    for (const kind of Object.values(KINDS)) {
      const found = await keeper.studies(studyQuery.parse(kind));
      await store.studies.find({ _id: { $in: [...(found?.ids ?? [])] } }).toArray();
    }
    await keeper.stop();
    finds.stop();
    const plans = new Set<string>();
    for (const it of finds.asked) plans.add(`${it.collection}: ${await planOf(database.db, it)}`);
    expect([...plans].toSorted()).toEqual([
      'removals: at_1',
      'studies: _id_',
      'studies: changed_at_1',
      'studies: parent_patient_1',
    ]);
  });

  it('show at once what was written, changed and removed, by whichever backend', async () => {
    const later = [...synthetic(40, 2)].map(({ study }) => ({ ...study, changed_at: new Date() }));
    await store.studies.insertMany(later);
    expect((await page({})).total).toBe(COUNT + 40);
    const [first, second] = later;
    await store.studies.updateOne(
      { _id: first?._id ?? '' },
      {
        $set: { 'search.patient_name': 'renamed', last_received_at: new Date(NEWEST + 1000) },
        $currentDate: { changed_at: true },
      },
    );
    expect((await page({ patient_name: 'renamed' })).items[0]?.id).toBe(first?._id);
    expect((await page({})).items[0]?.id).toBe(first?._id);
    await tellRemovals(store.removals, [second?._id ?? '']);
    expect((await page({})).total).toBe(COUNT + 40); // told, and not yet done
    await store.studies.deleteOne({ _id: second?._id ?? '' });
    expect((await page({})).total).toBe(COUNT + 39);
  });

  it('mend themselves where nobody tells of a removal', async () => {
    const before = (await page({})).total;
    const { items } = await page({ limit: '3' });
    await store.studies.deleteMany({ _id: { $in: items.map((it) => it.id) } });
    const after = await page({ limit: '3' });
    expect(after.total).toBe(before - 3);
    expect(after.items).toHaveLength(3);
    await until('the list is read anew', async () =>
      Promise.resolve(backend.output.split('list of studies is read').length > 2),
    );
    expect((await page({})).total).toBe(before - 3);
  });

  it('are searched by the database where memory does not suffice', async () => {
    const keeper = new CatalogueKeeper(store, createLog('fatal', 'test'), 100);
    const heard: string[] = [];
    keeper.listen((ids) => heard.push(...ids));
    keeper.start();
    await until('it gave up', async () => Promise.resolve(keeper.state === 'beyond'));
    expect(await keeper.studies(studyQuery.parse({}))).toBeNull();
    heard.length = 0;
    const some = [...synthetic(1, 3)].map(({ study }) => ({ ...study, changed_at: new Date() }));
    await store.studies.insertMany(some);
    await keeper.refresh();
    await keeper.refresh();
    expect(heard).toEqual(some.map((it) => it._id));
    await keeper.stop();
  });
});

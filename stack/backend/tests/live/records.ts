/** A database full of synthetic studies, a backend on it, and what that backend asks of it. */
import { Collection, type Db, type Document } from 'mongodb';
import { vi } from 'vitest';
import { prepareStore, type Store } from '../../src/store/database.ts';
import type { PatientDocument } from '../../src/store/documents.ts';
import { synthetic, type Synthetic } from '../synthetic.ts';
import { until, type BackendServer } from './servers.ts';

const BATCH = 500;
/** Nothing is lost that cannot be made anew. */
const QUICKLY = { ordered: false, writeConcern: { w: 1 } } as const;

/** Writes so many studies and their patients, as a backend of before this list was kept did. */
export async function fill(store: Store, count: number, seed = 1): Promise<Synthetic[]> {
  await prepareStore(store);
  const all = [...synthetic(count, seed)];
  const patients = new Map<string, PatientDocument>();
  for (const { patient } of all) {
    const before = patients.get(patient._id);
    const received = Math.max(before?.last_received_at?.getTime() ?? -1, patient.last_received_at?.getTime() ?? -1);
    patients.set(patient._id, {
      ...patient,
      last_received_at: received < 0 ? null : new Date(received),
      number_of_studies: (before?.number_of_studies ?? 0) + 1,
    });
  }
  for (let start = 0; start < all.length; start += BATCH) {
    await store.studies.insertMany(
      all.slice(start, start + BATCH).map((it) => it.study),
      QUICKLY,
    );
  }
  const people = [...patients.values()];
  for (let start = 0; start < people.length; start += BATCH) {
    await store.patients.insertMany(people.slice(start, start + BATCH), QUICKLY);
  }
  return all;
}

/** Waits until the backend's lists no longer come from searches of the database. */
export async function untilListed(backend: BackendServer, seconds = 60): Promise<void> {
  await until(
    'the list is read',
    async () => Promise.resolve(backend.output.includes('list of studies is read')),
    seconds,
  );
}

interface Asked {
  readonly collection: string;
  readonly filter: Document;
}

/** Every find of this process from now on. */
export function watchFinds(): { readonly asked: Asked[]; stop: () => void } {
  const asked: Asked[] = [];
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called on the collection it was called on
  const { find } = Collection.prototype;
  const spy = vi.spyOn(Collection.prototype, 'find').mockImplementation(function (this: Collection, ...given) {
    asked.push({ collection: this.collectionName, filter: given[0] });
    return find.apply(this, given);
  });
  return {
    asked,
    stop: () => {
      spy.mockRestore();
    },
  };
}

/** The plan the database makes for what was asked: the index it uses, or COLLSCAN. */
export async function planOf(db: Db, { collection, filter }: Asked): Promise<string> {
  const { queryPlanner } = await db.command({ explain: { find: collection, filter }, verbosity: 'queryPlanner' });
  const { winningPlan } = queryPlanner as { winningPlan: Document };
  const text = JSON.stringify(winningPlan);
  if (text.includes('COLLSCAN')) return 'COLLSCAN';
  return /"indexName":"([^"]+)"/.exec(text)?.[1] ?? /"stage":"(IDHACK|EOF)"/.exec(text)?.[1] ?? text;
}

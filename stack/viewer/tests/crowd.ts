/** A site with many studies that nobody has, and more of them that arrive. */
import { fill } from '../../backend/tests/filling.ts';
import { NEWEST, synthetic, type Synthetic } from '../../backend/tests/synthetic.ts';
import { openStore, type Store } from '../../backend/src/store/database.ts';
import { Site } from './live/site.ts';

const SEEDS = { there: 1, ofOne: 2, arriving: 3 } as const;

export interface Crowd {
  readonly site: Site;
  /** Past the backend, for what else is written. */
  readonly store: Store;
  readonly arrivals: Arrivals;
  /** Orthanc's identifier of the patient with many studies; null without one. */
  readonly patient: string | null;
  stop: () => Promise<void>;
}

/**
 * @param count how many studies there are
 * @param ofOne how many of them are of one patient
 */
export async function crowded(count: number, ofOne = 0): Promise<Crowd> {
  let patient: string | null = null;
  const site = await Site.start(
    () => ({}),
    async (store) => {
      await fill(store, count - ofOne, SEEDS.there);
      patient = await fillOne(store, ofOne);
    },
  );
  const store = openStore(site.database.settings);
  const stop = async (): Promise<void> => {
    await store.client.close();
    await site.stop();
  };
  return { site, store, arrivals: new Arrivals(store), patient, stop };
}

async function fillOne(store: Store, count: number): Promise<string | null> {
  const all = [...synthetic(count, SEEDS.ofOne)];
  const first = all[0]?.patient;
  if (first === undefined) return null;
  const { _id, patient_id, patient_name, patient_birth_date, patient_sex, search } = first;
  await store.patients.insertOne({ ...first, number_of_studies: count });
  await store.studies.insertMany(
    all.map(({ study }) => ({
      ...study,
      parent_patient: _id,
      ...{ patient_id, patient_name, patient_birth_date, patient_sex },
      search: { ...study.search, ...search },
    })),
  );
  return _id;
}

/** Studies that come, as a backend writes them: the newest first in the list. */
export class Arrivals {
  readonly #store: Store;
  readonly #coming: Generator<Synthetic, void, void>;
  /** How many have come. */
  count = 0;

  constructor(store: Store) {
    this.#store = store;
    this.#coming = synthetic(1_000_000, SEEDS.arriving);
  }

  /** Resolves to Orthanc's identifiers of those that came, the newest last. */
  async come(count: number): Promise<string[]> {
    const ids: string[] = [];
    const writes = Array.from({ length: count }, () => {
      const next = this.#coming.next();
      if (next.done === true) throw new Error('no more studies');
      const { _id, changed_at: _, ...study } = next.value.study;
      ids.push(_id);
      this.count += 1;
      const at = new Date(NEWEST + 60_000 * this.count);
      return {
        updateOne: {
          filter: { _id },
          update: {
            $set: { ...study, first_received_at: at, last_received_at: at },
            $currentDate: { changed_at: true as const },
          },
          upsert: true,
        },
      };
    });
    await this.#store.studies.bulkWrite(writes);
    return ids;
  }

  /** One study after the other, so many a second, until the signal. */
  async keepComing(perSecond: number, signal: AbortSignal): Promise<void> {
    const began = performance.now();
    for (let sent = 0; !signal.aborted; sent += 1) {
      await this.come(1);
      const due = began + (1000 * (sent + 1)) / perSecond;
      await new Promise((done) => setTimeout(done, Math.max(0, due - performance.now())));
    }
  }
}

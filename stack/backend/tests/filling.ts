/** A database full of synthetic studies. */
import { prepareStore, type Store } from '../src/store/database.ts';
import type { PatientDocument } from '../src/store/documents.ts';
import { synthetic, type Synthetic } from './synthetic.ts';

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

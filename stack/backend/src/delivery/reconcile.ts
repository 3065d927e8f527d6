/**
 * Compares the records with Orthanc's whole inventory.
 *
 * Orthanc 1.10.1 writes no change for a deletion, drops the changes of what was deleted, and can have its log erased:
 * only the inventory tells. The work is cut into steps, so that new arrivals are served between them.
 */
import type { Level, Orthanc, Statistics } from '../orthanc.ts';
import type { Store } from '../store/database.ts';
import type { Reconciliation, ReconciliationRequest } from '../store/documents.ts';
import { applyTouched, type Applied } from './apply.ts';
import type { Touched } from './cursor.ts';

/** Identifiers asked of Orthanc in one call: about 1 MB of JSON. */
const PAGE = 20_000;

const nothing = (): Touched => ({ instances: new Set(), series: new Set(), studies: new Set(), patients: new Set() });

/**
 * How many records there are. Estimated counts are those of the database's statistics: they read nothing, and after a
 * crash of MongoDB stay wrong by what was written since its last checkpoint, until each collection is validated. Who
 * decides by them counts exactly before it does anything about a difference.
 * https://www.mongodb.com/docs/manual/reference/method/db.collection.estimatedDocumentCount/#unclean-shutdown
 */
export async function recordCounts(store: Store, exact: boolean): Promise<Statistics> {
  const count = async (name: 'patients' | 'studies' | 'series' | 'instances'): Promise<number> =>
    exact ? store[name].countDocuments({}) : store[name].estimatedDocumentCount();
  const [CountPatients, CountStudies, CountSeries, CountInstances] = await Promise.all([
    count('patients'),
    count('studies'),
    count('series'),
    count('instances'),
  ]);
  return { CountPatients, CountStudies, CountSeries, CountInstances };
}

export function sameCounts(a: Statistics, b: Statistics): boolean {
  return (
    a.CountPatients === b.CountPatients &&
    a.CountStudies === b.CountStudies &&
    a.CountSeries === b.CountSeries &&
    a.CountInstances === b.CountInstances
  );
}

/**
 * Does a reconciliation step by step; yields after each, and returns what it found and did.
 *
 * A record is only removed after Orthanc was asked for that very resource, since a page of the inventory may miss one
 * while others are deleted.
 *
 * @throws OrthancError, MongoError
 */
export async function* reconcile(
  orthanc: Orthanc,
  store: Store,
  request: ReconciliationRequest,
  batchSize: number,
): AsyncGenerator<Applied, Reconciliation, void> {
  const startedAt = new Date();
  let recorded = 0;
  let removed = 0;
  const apply = async (touched: Partial<Touched>): Promise<Applied> => {
    const applied = await applyTouched(orthanc, store, { ...nothing(), ...touched });
    recorded += applied.recorded;
    removed += applied.removed;
    return applied;
  };
  const full = request.mode === 'full';

  // What of the upper levels is recorded but gone takes its instances with it.
  for (const [level, name] of [
    ['Series', 'series'],
    ['Study', 'studies'],
    ['Patient', 'patients'],
  ] as const) {
    const there = await inventory(orthanc, level);
    const here = new Set<string>();
    for await (const { _id } of store[name].find({}, { projection: { _id: 1 } })) here.add(_id);
    const extra = [...here].filter((it) => !there.has(it));
    for (const ids of batches(extra, batchSize)) {
      if (name === 'series') yield* removeBelow(ids);
      yield await apply({ [name]: new Set(ids) });
    }
  }

  async function* removeBelow(series: readonly string[]): AsyncGenerator<Applied, void, void> {
    const cursor = store.instances.find({ parent_series: { $in: [...series] } }, { projection: { _id: 1 } });
    const suspects = (await cursor.toArray()).map((it) => it._id);
    for (const ids of batches(suspects, batchSize)) yield await apply({ instances: new Set(ids) });
  }

  let inOrthanc: number;
  const settled = request.mode === 'quick' && sameCounts(await orthanc.statistics(), await recordCounts(store, true));
  if (settled) {
    inOrthanc = (await orthanc.statistics()).CountInstances;
  } else {
    const there = await inventory(orthanc, 'Instance');
    inOrthanc = there.size;
    const extra: string[] = [];
    const missing = new Set(there);
    for await (const { _id } of store.instances.find({}, { projection: { _id: 1 } })) {
      if (!missing.delete(_id)) extra.push(_id);
    }
    for (const ids of batches(extra, batchSize)) yield await apply({ instances: new Set(ids) });
    for (const ids of batches([...missing], batchSize)) yield await apply({ instances: new Set(ids) });
    if (full) {
      const present = [...there].filter((it) => !missing.has(it));
      for (const ids of batches(present, batchSize)) {
        const changed = await changedAmong(orthanc, store, ids);
        yield await apply({ instances: changed });
      }
    }
  }

  // The upper levels last: what is missing there, or everything.
  for (const [level, name] of [
    ['Series', 'series'],
    ['Study', 'studies'],
    ['Patient', 'patients'],
  ] as const) {
    const wanted = await inventory(orthanc, level);
    if (!full) for await (const { _id } of store[name].find({}, { projection: { _id: 1 } })) wanted.delete(_id);
    for (const ids of batches([...wanted], batchSize)) yield await apply({ [name]: new Set(ids) });
  }

  return {
    ...request,
    started_at: startedAt,
    finished_at: new Date(),
    instances_in_orthanc: inOrthanc,
    instances_recorded: recorded,
    instances_removed: removed,
  };
}

async function inventory(orthanc: Orthanc, level: Level): Promise<Set<string>> {
  const ids = new Set<string>();
  for (let since = 0; ; since += PAGE) {
    const page = await orthanc.list(level, since, PAGE);
    for (const id of page) ids.add(id);
    if (page.length < PAGE) return ids;
  }
}

/** The instances whose stored file is another one than recorded. */
async function changedAmong(orthanc: Orthanc, store: Store, ids: readonly string[]): Promise<Set<string>> {
  const [resources, records] = await Promise.all([
    orthanc.resources(ids),
    store.instances.find({ _id: { $in: [...ids] } }, { projection: { file_uuid: 1 } }).toArray(),
  ]);
  const uuids = new Map(records.map((it) => [it._id, it.file_uuid]));
  return new Set(resources.filter((it) => uuids.get(it.ID) !== (it.FileUuid ?? null)).map((it) => it.ID));
}

function* batches(ids: readonly string[], size: number): Generator<string[], void, void> {
  for (let start = 0; start < ids.length; start += size) yield ids.slice(start, start + size);
}

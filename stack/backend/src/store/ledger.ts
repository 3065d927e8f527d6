/** Writes of the records. Each may be repeated at any time with the same effect. */
import { MongoBulkWriteError, type AnyBulkWriteOperation } from 'mongodb';
import { tellRemovals } from '../catalogue/removals.ts';
import type { Store } from './database.ts';
import type {
  InstanceDocument,
  PatientDocument,
  PatientTags,
  SeriesDocument,
  SeriesTags,
  StudyDocument,
  StudyTags,
  Totals,
} from './documents.ts';

const DUPLICATE_KEY = 11000;

/**
 * Writes instances, replacing those which are there.
 *
 * Inserts first: a batch is nearly always new, and SecantusDB inserts four times faster than it replaces.
 */
export async function writeInstances(store: Store, documents: readonly InstanceDocument[]): Promise<void> {
  if (documents.length === 0) return;
  try {
    await store.instances.insertMany([...documents], { ordered: false });
    return;
  } catch (error) {
    if (!(error instanceof MongoBulkWriteError)) throw error;
    const failures = [error.writeErrors].flat();
    if (failures.length === 0 || failures.some((it) => it.code !== DUPLICATE_KEY)) throw error;
    const operations = failures.flatMap((it): AnyBulkWriteOperation<InstanceDocument>[] => {
      const document = documents[it.index];
      if (document === undefined) return [];
      const { _id, ...replacement } = document;
      return [{ replaceOne: { filter: { _id }, replacement, upsert: true } }];
    });
    await store.instances.bulkWrite(operations, { ordered: false });
  }
}

/** What was read from Orthanc about parents, by Orthanc's identifier. */
export interface ParentFields {
  readonly series: ReadonlyMap<string, SeriesTags>;
  readonly studies: ReadonlyMap<string, StudyTags & PatientTags & Pick<StudyDocument, 'search'>>;
  readonly patients: ReadonlyMap<string, PatientTags & Pick<PatientDocument, 'search'>>;
}

export interface ParentIds {
  readonly series: ReadonlySet<string>;
  readonly studies: ReadonlySet<string>;
  readonly patients: ReadonlySet<string>;
}

interface SeriesGroup extends Totals {
  _id: string;
  sop_class_uids: (string | null)[];
}

interface StudyGroup {
  _id: string;
  number_of_instances: number;
  size_bytes: number;
  first_received_at: Date | null;
  last_received_at: Date | null;
  remote_aets: string[][];
  remote_ips: string[][];
  called_aets: string[][];
  number_of_series: number;
  modalities_in_study: (string | null)[];
}

interface PatientGroup extends Omit<StudyGroup, 'modalities_in_study'> {
  number_of_studies: number;
}

/**
 * Derives the parents anew from what lies below each: series from instances, studies from series, patients from
 * studies.
 *
 * Nothing is counted up, so repeating it never counts twice. A parent with nothing below it is removed.
 *
 * @returns the studies with nothing below them: those that are not recorded, or not any more
 */
export async function writeParents(store: Store, ids: ParentIds, fields: ParentFields): Promise<string[]> {
  await writeSeries(store, [...ids.series], fields.series);
  const gone = await writeStudies(store, [...ids.studies], fields.studies);
  await writePatients(store, [...ids.patients], fields.patients);
  return gone;
}

async function writeSeries(store: Store, ids: string[], fields: ParentFields['series']): Promise<void> {
  if (ids.length === 0) return;
  const groups = await store.instances
    .aggregate<SeriesGroup>([
      { $match: { parent_series: { $in: ids } } },
      {
        $group: {
          _id: '$parent_series',
          number_of_instances: { $sum: 1 },
          size_bytes: { $sum: '$size_bytes' },
          first_received_at: { $min: '$received_at' },
          last_received_at: { $max: '$received_at' },
          remote_aets: { $addToSet: '$remote_aet' },
          remote_ips: { $addToSet: '$remote_ip' },
          called_aets: { $addToSet: '$called_aet' },
          sop_class_uids: { $addToSet: '$sop_class_uid' },
        },
      },
    ])
    .toArray();
  const operations = groups.map(({ _id, ...group }): AnyBulkWriteOperation<SeriesDocument> =>
    update(
      _id,
      {
        ...fields.get(_id),
        ...group,
        remote_aets: sorted(group.remote_aets),
        remote_ips: sorted(group.remote_ips),
        called_aets: sorted(group.called_aets),
        sop_class_uids: sorted(group.sop_class_uids),
      },
      fields.has(_id),
    ),
  );
  if (operations.length > 0) await store.series.bulkWrite(operations, { ordered: false });
  const empty = without(ids, groups);
  if (empty.length > 0) await store.series.deleteMany({ _id: { $in: empty } });
}

async function writeStudies(store: Store, ids: string[], fields: ParentFields['studies']): Promise<string[]> {
  if (ids.length === 0) return [];
  const groups = await store.series
    .aggregate<StudyGroup>([
      { $match: { parent_study: { $in: ids } } },
      {
        $group: {
          _id: '$parent_study',
          ...SUMS,
          number_of_series: { $sum: 1 },
          modalities_in_study: { $addToSet: '$modality' },
        },
      },
    ])
    .toArray();
  const operations = groups.map(({ _id, ...group }): AnyBulkWriteOperation<StudyDocument> =>
    update(
      _id,
      {
        ...fields.get(_id),
        ...group,
        ...senders(group),
        modalities_in_study: sorted(group.modalities_in_study),
      },
      fields.has(_id),
      CHANGED_NOW,
    ),
  );
  if (operations.length > 0) await store.studies.bulkWrite(operations, { ordered: false });
  const empty = without(ids, groups);
  await tellRemovals(store.removals, empty);
  if (empty.length > 0) await store.studies.deleteMany({ _id: { $in: empty } });
  return empty;
}

async function writePatients(store: Store, ids: string[], fields: ParentFields['patients']): Promise<void> {
  if (ids.length === 0) return;
  const groups = await store.studies
    .aggregate<PatientGroup>([
      { $match: { parent_patient: { $in: ids } } },
      {
        $group: {
          _id: '$parent_patient',
          ...SUMS,
          number_of_series: { $sum: '$number_of_series' },
          number_of_studies: { $sum: 1 },
        },
      },
    ])
    .toArray();
  const operations = groups.map(({ _id, ...group }): AnyBulkWriteOperation<PatientDocument> =>
    update(
      _id,
      {
        ...fields.get(_id),
        ...group,
        ...senders(group),
      },
      fields.has(_id),
    ),
  );
  if (operations.length > 0) await store.patients.bulkWrite(operations, { ordered: false });
  const empty = without(ids, groups);
  if (empty.length > 0) await store.patients.deleteMany({ _id: { $in: empty } });
}

const SUMS = {
  number_of_instances: { $sum: '$number_of_instances' },
  size_bytes: { $sum: '$size_bytes' },
  first_received_at: { $min: '$first_received_at' },
  last_received_at: { $max: '$last_received_at' },
  remote_aets: { $addToSet: '$remote_aets' },
  remote_ips: { $addToSet: '$remote_ips' },
  called_aets: { $addToSet: '$called_aets' },
};

function senders(
  group: Pick<StudyGroup, 'remote_aets' | 'remote_ips' | 'called_aets'>,
): Pick<Totals, 'remote_aets' | 'remote_ips' | 'called_aets'> {
  return {
    remote_aets: sorted(group.remote_aets.flat()),
    remote_ips: sorted(group.remote_ips.flat()),
    called_aets: sorted(group.called_aets.flat()),
  };
}

function sorted(values: readonly (string | null | undefined)[]): string[] {
  return [...new Set(values.filter((it) => it !== null && it !== undefined))].sort();
}

/** A record whose tags were not read now is only changed where it exists: totals alone make no record. */
function update(
  id: string,
  set: object,
  upsert: boolean,
  more: object = {},
): { updateOne: { filter: { _id: string }; update: { $set: object }; upsert: boolean } } {
  return { updateOne: { filter: { _id: id }, update: { $set: set, ...more }, upsert } };
}

/** By the database's own clock: those of several backends differ. */
const CHANGED_NOW = { $currentDate: { changed_at: true } };

function without(ids: readonly string[], groups: readonly { _id: string }[]): string[] {
  const present = new Set(groups.map((it) => it._id));
  return ids.filter((it) => !present.has(it));
}

/** The parents of instances, from their records. */
export async function parentsOfInstances(
  store: Store,
  ids: readonly string[],
): Promise<Pick<InstanceDocument, '_id' | 'parent_series' | 'parent_study' | 'parent_patient'>[]> {
  return store.instances
    .find({ _id: { $in: [...ids] } }, { projection: { parent_series: 1, parent_study: 1, parent_patient: 1 } })
    .toArray();
}

/** Removes instances' records. Their parents must be derived anew afterwards. */
export async function removeInstances(store: Store, ids: readonly string[]): Promise<number> {
  if (ids.length === 0) return 0;
  return (await store.instances.deleteMany({ _id: { $in: [...ids] } })).deletedCount;
}

/** What Orthanc holds and what the records say, gathered to be compared. */
import type { Db } from 'mongodb';
import { until, type DatabaseServer, type OrthancServer } from './servers.ts';

/** Everything the records say, gathered to be compared. */
export interface Picture {
  patients: Record<string, unknown>;
  studies: Record<string, unknown>;
  series: Record<string, unknown>;
  instances: Record<string, unknown>;
}

interface Resource {
  ID: string;
  ParentPatient?: string;
  ParentStudy?: string;
  ParentSeries?: string;
  FileSize?: number;
  FileUuid?: string;
  MainDicomTags: Record<string, string>;
}

/** What Orthanc holds, counted anew from its instances. */
export async function pictureOfOrthanc(orthanc: OrthancServer): Promise<Picture> {
  const [patients, studies, series, instances] = await Promise.all(
    ['patients', 'studies', 'series', 'instances'].map(async (it) => orthanc.json<Resource[]>(`/${it}?expand`)),
  );
  const size = (list: Resource[]): object => ({
    instances: list.length,
    bytes: list.reduce((sum, it) => sum + (it.FileSize ?? 0), 0),
  });
  const below = (ids: Set<string>): Resource[] => (instances ?? []).filter((it) => ids.has(it.ParentSeries ?? ''));
  const seriesOf = (studyIds: Set<string>): Resource[] =>
    (series ?? []).filter((it) => studyIds.has(it.ParentStudy ?? ''));
  const idsOf = (list: Resource[]): Set<string> => new Set(list.map((it) => it.ID));
  const all = (list: Resource[] | undefined, describe: (it: Resource) => object): Record<string, object> =>
    Object.fromEntries((list ?? []).map((it) => [it.ID, describe(it)]));
  return {
    patients: all(patients, (it) => {
      const own = (studies ?? []).filter((other) => other.ParentPatient === it.ID);
      return { studies: own.length, ...size(below(idsOf(seriesOf(idsOf(own))))) };
    }),
    studies: all(studies, (it) => {
      const own = seriesOf(new Set([it.ID]));
      return { uid: it.MainDicomTags.StudyInstanceUID, series: own.length, ...size(below(idsOf(own))) };
    }),
    series: all(series, (it) => ({ uid: it.MainDicomTags.SeriesInstanceUID, ...size(below(new Set([it.ID]))) })),
    instances: all(instances, (it) => ({
      uid: it.MainDicomTags.SOPInstanceUID,
      file: it.FileUuid,
      bytes: it.FileSize,
    })),
  };
}

/** What the records hold, read past the backend. */
export async function pictureOfRecords(db: Db): Promise<Picture> {
  const all = async (
    name: string,
    describe: (it: Record<string, unknown>) => object,
  ): Promise<Record<string, object>> =>
    Object.fromEntries((await db.collection(name).find().toArray()).map((it) => [String(it._id), describe(it)]));
  const size = (it: Record<string, unknown>): object => ({ instances: it.number_of_instances, bytes: it.size_bytes });
  return {
    patients: await all('patients', (it) => ({ studies: it.number_of_studies, ...size(it) })),
    studies: await all('studies', (it) => ({ uid: it.study_instance_uid, series: it.number_of_series, ...size(it) })),
    series: await all('series', (it) => ({ uid: it.series_instance_uid, ...size(it) })),
    instances: await all('instances', (it) => ({ uid: it.sop_instance_uid, file: it.file_uuid, bytes: it.size_bytes })),
  };
}

/** Waits until the records are what Orthanc holds: no more, no less, at every level. */
export async function untilAlike(orthanc: OrthancServer, database: DatabaseServer, seconds = 30): Promise<Picture> {
  return until(
    'the records are what Orthanc holds',
    async () => {
      const [there, here] = [await pictureOfOrthanc(orthanc), await pictureOfRecords(database.db)];
      const same = JSON.stringify(sortKeys(there)) === JSON.stringify(sortKeys(here));
      if (!same) throw new Error(`Orthanc ${counts(there)}, records ${counts(here)}`);
      return here;
    },
    seconds,
  );
}

function counts(it: Picture): string {
  return [it.patients, it.studies, it.series, it.instances].map((level) => Object.keys(level).length).join('/');
}

function sortKeys(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, it]) => [key, sortKeys(it)]),
  );
}

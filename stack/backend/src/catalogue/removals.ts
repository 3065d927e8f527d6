/** Which studies' records were removed, told by who removes them: a record that is not there tells nothing. */
import type { Collection } from 'mongodb';

export interface RemovalDocument {
  /** Orthanc's identifier of the study. */
  _id: string;
  /** By the database's own clock. */
  at: Date;
}

/** Whoever has not heard of it after this long reads everything anew anyway. */
export const REMEMBERED_SECONDS = 7 * 24 * 3600;

/** To be called before the records are removed, so that no crash between leaves a removal untold. */
export async function tellRemovals(removals: Collection<RemovalDocument>, studies: readonly string[]): Promise<void> {
  if (studies.length === 0) return;
  await removals.bulkWrite(
    studies.map((_id) => ({
      updateOne: { filter: { _id }, update: { $currentDate: { at: true as const } }, upsert: true },
    })),
    { ordered: false },
  );
}

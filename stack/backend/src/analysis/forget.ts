/** What was made of a study goes with it: its jobs, and the results, which tell of the patient. */
import type { Store } from '../store/database.ts';

/** Removes the jobs and results of studies that are not recorded any more. Safe to repeat. */
export async function forgetAnalyses(store: Store, studies: readonly string[]): Promise<void> {
  if (studies.length === 0) return;
  const filter = { study: { $in: [...studies] } };
  await store.analysisJobs.deleteMany(filter);
  await store.analysisResults.deleteMany(filter);
}

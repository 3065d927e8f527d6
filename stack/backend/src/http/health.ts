/** Whether the backend can do its work, and if not, why. */
import type { Worker } from '../delivery/worker.ts';
import { summarize } from '../errors.ts';
import type { Store } from '../store/database.ts';

export interface Health {
  readonly ready: boolean;
  readonly problems: readonly string[];
  readonly databaseReachable: boolean;
  readonly orthancReachable: boolean;
}

/** The loop waits at most 30 s after a failure; one that did not come round for longer hangs. */
const HEARTBEAT_SECONDS = 90;
const PING_MILLISECONDS = 2_000;
/** Unauthenticated callers may ask as often as they like; the database is asked this often at most. */
const KEEP_MILLISECONDS = 1_000;

/** Makes the look at the health; Orthanc is judged by the worker's own calls and never asked for it. */
export function createHealth(store: Store, worker: Worker, pollSeconds: number): () => Promise<Health> {
  let latest: Promise<Health> | null = null;
  let until = 0;
  const look = async (): Promise<Health> => {
    const failure = await ping(store);
    const databaseReachable = failure === null;
    const { status } = worker;
    const problems: string[] = [];
    if (failure !== null) problems.push(failure);
    const heard =
      status.lastOrthancAnswer === null ? Infinity : (Date.now() - status.lastOrthancAnswer.getTime()) / 1000;
    const failing = status.failures > 0 && status.lastError?.source === 'orthanc';
    const orthancReachable = !failing && heard < 3 * pollSeconds + 30;
    if (failing) problems.push(status.lastError?.message ?? 'Orthanc does not answer');
    else if (!orthancReachable && databaseReachable) problems.push('Orthanc has not answered yet');
    if (status.failures > 0 && !failing && databaseReachable)
      problems.push(status.lastError?.message ?? 'the worker fails');
    if (status.role === 'stopped' || (Date.now() - status.heartbeat.getTime()) / 1000 > HEARTBEAT_SECONDS) {
      problems.push('the delivery worker does not run');
    }
    return { ready: problems.length === 0, problems, databaseReachable, orthancReachable };
  };
  return async () => {
    if (latest === null || Date.now() > until) {
      until = Date.now() + KEEP_MILLISECONDS;
      latest = look();
    }
    return latest;
  };
}

/** Asks the database for a sign of life. Null when it gave one, else what is wrong. */
async function ping(store: Store): Promise<string | null> {
  const timeout = new Promise<string>((resolve) =>
    setTimeout(resolve, PING_MILLISECONDS, 'the database does not answer').unref(),
  );
  return Promise.race([
    store.db.command({ ping: 1 }).then(
      () => null,
      (error: unknown) => summarize(error).message,
    ),
    timeout,
  ]);
}

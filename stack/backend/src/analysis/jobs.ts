/**
 * The queue of analyses: a lease in the database, so that several backends share the work and each job is one's.
 *
 * queued -> running -> done, or -> failed (waits, then running again) ... -> dead. Each change is one update which
 * holds only for the lease it was made under.
 */
import type { Collection } from 'mongodb';
import { digest } from './images.ts';
import type { JobDocument, JobState } from './documents.ts';

/** What another backend waits when the holder dies. */
export const LEASE_MILLISECONDS = 30_000;
const DUPLICATE_KEY = 11000;

type Jobs = Collection<JobDocument>;

export interface Wish {
  readonly study: string;
  readonly study_instance_uid: string;
  readonly provider: string;
  /** The images' digest. */
  readonly signature: string;
  readonly requested_by: string | null;
}

/** A job's identity: the same images are one job for a provider, whoever wishes it and however often. */
export function jobId({ study, provider, signature }: Pick<Wish, 'study' | 'provider' | 'signature'>): string {
  return digest('job', study, provider, signature);
}

/** Makes the job unless it is there. Resolves to whether it is new. */
export async function enqueue(jobs: Jobs, wish: Wish, now: Date): Promise<boolean> {
  const { signature: _, ...rest } = wish;
  const job: Omit<JobDocument, '_id'> = {
    ...rest,
    state: 'queued',
    created_at: now,
    updated_at: now,
    run_after: now,
    attempts: 0,
    lease_holder: null,
    lease_epoch: 0,
    lease_expires_at: new Date(0),
    last_error: null,
    result: null,
  };
  try {
    return (await jobs.updateOne({ _id: jobId(wish) }, { $setOnInsert: job }, { upsert: true })).upsertedCount > 0;
  } catch (error) {
    // Another backend was first.
    if ((error as { code?: number }).code === DUPLICATE_KEY) return false;
    throw error;
  }
}

/** Makes the job, or has it done again where it is not at work. Resolves to it as it is now. */
export async function enqueueAgain(jobs: Jobs, wish: Wish, now: Date): Promise<JobDocument> {
  const _id = jobId(wish);
  if (!(await enqueue(jobs, wish, now))) await restart(jobs, _id, wish.requested_by, now);
  const job = await jobs.findOne({ _id });
  if (job === null) throw new Error('the job is gone');
  return job;
}

/** Has a finished, dead or waiting job done from the start. Resolves to whether there is one in such a state. */
export async function restart(jobs: Jobs, id: string, by: string | null, now: Date): Promise<boolean> {
  const { matchedCount } = await jobs.updateOne(
    { _id: id, state: { $in: ['done', 'dead', 'failed'] } },
    {
      $set: {
        state: 'queued',
        requested_by: by,
        updated_at: now,
        run_after: now,
        attempts: 0,
        last_error: null,
        result: null,
      },
      $inc: { lease_epoch: 1 },
    },
  );
  return matchedCount > 0;
}

/** Takes the next job of a provider, one of a holder that died among them; null while there is none. */
export async function claim(jobs: Jobs, provider: string, holder: string, now: Date): Promise<JobDocument | null> {
  return jobs.findOneAndUpdate(
    {
      provider,
      $or: [
        { state: { $in: ['queued', 'failed'] }, run_after: { $lte: now } },
        { state: 'running', lease_expires_at: { $lt: now } },
      ],
    },
    {
      $set: { state: 'running', lease_holder: holder, lease_expires_at: expiry(now), updated_at: now },
      $inc: { attempts: 1, lease_epoch: 1 },
    },
    { sort: { run_after: 1 }, returnDocument: 'after' },
  );
}

type Held = Pick<JobDocument, '_id' | 'lease_holder' | 'lease_epoch'>;

const held = ({ _id, lease_holder, lease_epoch }: Held): object => ({
  _id,
  lease_holder,
  lease_epoch,
  state: 'running',
});

async function change(jobs: Jobs, job: Held, set: Partial<JobDocument>): Promise<boolean> {
  return (await jobs.updateOne(held(job), { $set: set })).matchedCount > 0;
}

/** Lengthens the lease. Resolves to whether it was still held. */
export async function renew(jobs: Jobs, job: Held, now: Date): Promise<boolean> {
  return change(jobs, job, { lease_expires_at: expiry(now) });
}

/** Notes the result; what is left is to store it. Resolves to whether the lease was still held. */
export async function noteResult(jobs: Jobs, job: Held, result: string, now: Date): Promise<boolean> {
  return change(jobs, job, { result, updated_at: now, lease_expires_at: expiry(now) });
}

/** The job is done. Resolves to whether the lease was still held. */
export async function finish(jobs: Jobs, job: Held, now: Date): Promise<boolean> {
  return change(jobs, job, { state: 'done', lease_holder: null, last_error: null, updated_at: now });
}

/** The try failed: again at `runAfter`, or never where that is null. Resolves to whether the lease was still held. */
export async function fail(jobs: Jobs, job: Held, words: string, runAfter: Date | null, now: Date): Promise<boolean> {
  return change(jobs, job, {
    state: runAfter === null ? 'dead' : 'failed',
    lease_holder: null,
    last_error: words,
    run_after: runAfter ?? now,
    updated_at: now,
  });
}

/** Gives a job back that was broken off, as if it had not been tried. */
export async function release(jobs: Jobs, job: Held, now: Date): Promise<void> {
  await jobs.updateOne(held(job), {
    $set: { state: 'queued', lease_holder: null, run_after: now, updated_at: now },
    $inc: { attempts: -1 },
  });
}

/** Takes back what this holder's predecessor was at: it is dead, so nobody else need wait for its lease to end. */
export async function takeBack(jobs: Jobs, holder: string, now: Date): Promise<number> {
  const { modifiedCount } = await jobs.updateMany(
    { state: 'running', lease_holder: holder },
    { $set: { lease_expires_at: new Date(0), updated_at: now } },
  );
  return modifiedCount;
}

/** How many jobs there are of each state, and since when the oldest waits. */
export interface Queue {
  readonly counts: Readonly<Record<JobState, number>>;
  readonly waitingSince: Date | null;
}

/** The queue in numbers. */
export async function queueOf(jobs: Jobs): Promise<Queue> {
  const counts: Record<JobState, number> = { queued: 0, running: 0, done: 0, failed: 0, dead: 0 };
  const groups = await jobs
    .aggregate<{ _id: JobState; count: number; first: Date }>([
      { $group: { _id: '$state', count: { $sum: 1 }, first: { $min: '$updated_at' } } },
    ])
    .toArray();
  for (const it of groups) counts[it._id] = it.count;
  const waiting = groups.filter((it) => it._id === 'queued' || it._id === 'failed').map((it) => it.first.getTime());
  return { counts, waitingSince: waiting.length === 0 ? null : new Date(Math.min(...waiting)) };
}

const LONGEST_WAIT_MILLISECONDS = 30 * 60_000;

/** How long after the n-th failed try (n from 1) the next is: twice as long each time, with jitter. */
export function retryMilliseconds(attempts: number, first: number, random: () => number = Math.random): number {
  const bound = Math.min(LONGEST_WAIT_MILLISECONDS, first * 1000 * 2 ** Math.min(attempts - 1, 16));
  return bound / 2 + (bound / 2) * random();
}

function expiry(now: Date): Date {
  return new Date(now.getTime() + LEASE_MILLISECONDS);
}

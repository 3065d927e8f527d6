/**
 * Brings signed versions into Orthanc, each once, however often it takes.
 *
 * An entry is claimed by moving its time on, so that of several backends one works on it; one that dies leaves it to be
 * claimed again. What is stored is the same file each time, so a second try of a success changes nothing.
 */
import { z } from 'zod';
import { Waker } from '../delivery/backoff.ts';
import { OrthancError, summarize } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Store } from '../store/database.ts';
import type { ReportArchive } from './archive.ts';
import { encapsulate } from './encapsulate.ts';
import type { OutboxDocument, VersionDocument } from './model.ts';
import { renderPdf } from './pdf.ts';

/** How long a claim lasts: longer than all calls of one entry together. */
const CLAIM_MILLISECONDS = 120_000;
const POLL_MILLISECONDS = 5_000;
const FIRST_RETRY_MILLISECONDS = 1_000;
const LONGEST_RETRY_MILLISECONDS = 5 * 60_000;

/** How long to wait after so many attempts. */
export function retryMilliseconds(attempts: number): number {
  return Math.min(LONGEST_RETRY_MILLISECONDS, FIRST_RETRY_MILLISECONDS * 2 ** Math.min(attempts - 1, 12));
}

export class Outbox {
  readonly #store: Store;
  readonly #archive: ReportArchive;
  readonly #log: Log;
  readonly #waker = new Waker();
  readonly #ending = new AbortController();
  #running: Promise<void> | null = null;

  constructor(store: Store, archive: ReportArchive, log: Log) {
    this.#store = store;
    this.#archive = archive;
    this.#log = log;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** There is something new. */
  wake(): void {
    this.#waker.wake();
  }

  /** Ends after the entry at work. */
  async stop(): Promise<void> {
    this.#ending.abort();
    this.#waker.end();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#ending.signal.aborted) {
      let worked = false;
      try {
        worked = await this.#next(new Date());
      } catch (error) {
        this.#log.debug({ err: summarize(error) }, 'reports are not stored now: the database does not answer');
      }
      if (!worked) await this.#waker.wait(POLL_MILLISECONDS);
    }
  }

  /** Works on the entry that is due longest. Resolves to whether there was one. */
  async #next(now: Date): Promise<boolean> {
    const entry = await this.#store.reportOutbox.findOneAndUpdate(
      { state: 'waiting', next_at: { $lte: now } },
      { $set: { next_at: new Date(now.getTime() + CLAIM_MILLISECONDS) }, $inc: { attempts: 1 } },
      { sort: { next_at: 1 }, returnDocument: 'after' },
    );
    if (entry === null) return false;
    try {
      await this.#deliver(entry);
    } catch (error) {
      await this.#failed(entry, error);
    }
    return true;
  }

  async #deliver(entry: OutboxDocument): Promise<void> {
    const version = await this.#store.reportVersions.findOne({ _id: entry._id });
    if (version === null) throw new OrthancError('malformed', 'the version is not recorded');
    await this.#send(version, entry.sop_instance_uid);
    const done = { state: 'stored', stored_at: new Date(), last_error: null } as const;
    await this.#store.reportOutbox.updateOne({ _id: entry._id }, { $set: done });
    this.#log.info({ report: version.report_id, version: version.version }, 'the report is stored in Orthanc');
  }

  async #send(version: VersionDocument, instance: string): Promise<void> {
    const { study_id, study_instance_uid } = version.study;
    // Orthanc would make a study anew that was deleted there.
    if (!(await this.#archive.lookup(study_instance_uid, 'Study')).includes(study_id)) {
      throw new OrthancError('http', 'the study of the report is not in Orthanc');
    }
    if ((await this.#archive.lookup(instance, 'Instance')).length > 0) return;
    const { study } = await this.#archive.store(encapsulate(version, await renderPdf(version)));
    if (study !== study_id) throw new OrthancError('malformed', 'Orthanc put the report into another study');
  }

  async #failed(entry: OutboxDocument, error: unknown): Promise<void> {
    const message =
      error instanceof z.ZodError ? "Orthanc's answer has not the expected shape" : summarize(error).message;
    const wait = retryMilliseconds(entry.attempts);
    const next = { next_at: new Date(Date.now() + wait), last_error: message };
    await this.#store.reportOutbox.updateOne({ _id: entry._id, state: 'waiting' }, { $set: next });
    this.#log.warn(
      { report: entry.report_id, attempts: entry.attempts, retry_seconds: wait / 1000, reason: message },
      'the report is not stored in Orthanc yet',
    );
    // The poll alone would be later than the first retries.
    if (wait < POLL_MILLISECONDS) {
      setTimeout(() => {
        this.#waker.wake();
      }, wait).unref();
    }
  }
}

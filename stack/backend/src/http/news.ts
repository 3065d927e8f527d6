/**
 * News for pages that are open: which studies were written since, and of which the analyses changed.
 *
 * Asked of the database, twice a second and only while somebody listens: so that it does not matter which of several
 * backends wrote. Each study is told once for each time it, or a job of it, was written.
 */
import type { Log } from '../log.ts';
import { summarize } from '../errors.ts';
import type { Store } from '../store/database.ts';

/** Event -> what is told with it. */
export interface News {
  studies: {
    /** Orthanc's identifiers of studies that were written. */
    readonly studies: readonly string[];
    /** How many studies are recorded: it also tells that some were removed. */
    readonly total: number;
  };
  analyses: {
    /** Orthanc's identifiers of studies of which a job began, ended, or waits for its next try. */
    readonly studies: readonly string[];
  };
}

type Listener = <E extends keyof News>(event: E, news: News[E]) => void;

const EVERY_MILLISECONDS = 500;
/** Clocks of several backends differ, and what is written last may be seen late. */
const OVERLAP_MILLISECONDS = 5_000;
const MOST_STUDIES = 500;

export class NewsRoom {
  readonly #store: Store;
  readonly #log: Log;
  readonly #listeners = new Set<Listener>();
  #timer: NodeJS.Timeout | null = null;
  #told = new Map<string, number>();
  #toldJobs = new Map<string, number>();
  #since = new Date();
  #total: number | null = null;

  constructor(store: Store, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  /** Hears everything from now on, until the function that is returned is called. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) {
      this.#since = new Date();
      this.#told = new Map();
      this.#toldJobs = new Map();
      this.#total = null;
      this.#next(0);
    }
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0 && this.#timer !== null) clearTimeout(this.#timer);
    };
  }

  #next(milliseconds: number): void {
    this.#timer = setTimeout(() => void this.#look(), milliseconds);
  }

  async #look(): Promise<void> {
    const from = new Date(this.#since.getTime() - OVERLAP_MILLISECONDS);
    try {
      const [found, total, jobs] = await Promise.all([
        this.#store.studies
          .find({ changed_at: { $gt: from } }, { projection: { changed_at: 1 } })
          .sort({ changed_at: 1 })
          .limit(MOST_STUDIES)
          .toArray(),
        this.#store.studies.estimatedDocumentCount(),
        this.#store.analysisJobs
          .find({ updated_at: { $gt: from } }, { projection: { study: 1, updated_at: 1 } })
          .sort({ updated_at: -1 })
          .limit(MOST_STUDIES)
          .toArray(),
      ]);
      const first = this.#total === null;
      const studies: string[] = [];
      for (const { _id, changed_at } of found) {
        const at = changed_at?.getTime() ?? 0;
        if (this.#told.get(_id) === at) continue;
        this.#told.set(_id, at);
        if (!first) studies.push(_id);
        if (at > this.#since.getTime()) this.#since = new Date(at);
      }
      const analysed = new Set<string>();
      for (const { _id, study, updated_at } of jobs) {
        const at = updated_at.getTime();
        if (this.#toldJobs.get(_id) === at) continue;
        this.#toldJobs.set(_id, at);
        if (!first) analysed.add(study);
        if (at > this.#since.getTime()) this.#since = new Date(at);
      }
      const changed = studies.length > 0 || (!first && this.#total !== total);
      this.#total = total;
      for (const it of [...this.#listeners]) {
        if (changed) it('studies', { studies, total });
        if (analysed.size > 0) it('analyses', { studies: [...analysed] });
      }
      for (const it of [this.#told, this.#toldJobs]) forget(it, from);
    } catch (error) {
      this.#log.debug({ err: summarize(error) }, 'no news: the database does not answer');
    }
    if (this.#listeners.size > 0) this.#next(EVERY_MILLISECONDS);
  }
}

function forget(told: Map<string, number>, before: Date): void {
  for (const [id, at] of told) if (at < before.getTime()) told.delete(id);
}

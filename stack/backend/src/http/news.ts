/**
 * News for pages that are open: which studies were written or removed since, and of which the analyses changed.
 *
 * The catalogue and the jobs are looked at twice a second, only while somebody listens: it does not matter which of
 * several backends wrote. Each study is told once for each time it, or a job of it, was written.
 */
import type { CatalogueKeeper } from '../catalogue/keeper.ts';
import { summarize } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Store } from '../store/database.ts';

/** Event -> what is told with it. */
export interface News {
  studies: {
    /** Orthanc's identifiers of studies that were written or removed; none where anything may have changed. */
    readonly studies: readonly string[];
    /** How many studies are recorded; null where that is not known. */
    readonly total: number | null;
  };
  analyses: {
    /** Orthanc's identifiers of studies of which a job began, ended, or waits for its next try. */
    readonly studies: readonly string[];
  };
}

type Listener = <E extends keyof News>(event: E, news: News[E]) => void;

const EVERY_MILLISECONDS = 500;
const MOST_STUDIES = 500;
/** Clocks of several backends differ, and what is written last may be seen late. */
const OVERLAP_MILLISECONDS = 5_000;

export class NewsRoom {
  readonly #keeper: CatalogueKeeper;
  readonly #store: Store;
  readonly #log: Log;
  readonly #listeners = new Set<Listener>();
  #timer: NodeJS.Timeout | null = null;
  #jobs: JobNews;

  constructor(keeper: CatalogueKeeper, store: Store, log: Log) {
    this.#keeper = keeper;
    this.#store = store;
    this.#log = log;
    this.#jobs = new JobNews(store);
  }

  /** Hears everything from now on, until the function that is returned is called. */
  listen(listener: Listener): () => void {
    const stop = this.#keeper.listen((studies) => {
      listener('studies', { studies: studies.slice(0, MOST_STUDIES), total: this.#keeper.size });
    });
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) {
      this.#jobs = new JobNews(this.#store);
      this.#next(0);
    }
    return () => {
      stop();
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0 && this.#timer !== null) clearTimeout(this.#timer);
    };
  }

  #next(milliseconds: number): void {
    this.#timer = setTimeout(() => void this.#look(), milliseconds);
  }

  async #look(): Promise<void> {
    try {
      const [studies] = await Promise.all([this.#jobs.look(), this.#keeper.refresh()]);
      if (studies.length > 0) for (const it of [...this.#listeners]) it('analyses', { studies });
    } catch (error) {
      this.#log.debug({ err: summarize(error) }, 'no news: the database does not answer');
    }
    if (this.#listeners.size > 0) this.#next(EVERY_MILLISECONDS);
  }
}

/** What happened to jobs of analysis since the look before. */
class JobNews {
  readonly #store: Store;
  /** Job -> when it was written, as told. */
  readonly #told = new Map<string, number>();
  #since = new Date();
  #first = true;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Orthanc's identifiers of studies of which a job was written; none at the first look. */
  async look(): Promise<readonly string[]> {
    const from = new Date(this.#since.getTime() - OVERLAP_MILLISECONDS);
    const jobs = await this.#store.analysisJobs
      .find({ updated_at: { $gt: from } }, { projection: { study: 1, updated_at: 1 } })
      .sort({ updated_at: -1 })
      .limit(MOST_STUDIES)
      .toArray();
    const studies = new Set<string>();
    for (const { _id, study, updated_at } of jobs) {
      const at = updated_at.getTime();
      if (this.#told.get(_id) === at) continue;
      this.#told.set(_id, at);
      if (!this.#first) studies.add(study);
      if (at > this.#since.getTime()) this.#since = updated_at;
    }
    for (const [id, at] of this.#told) if (at < from.getTime()) this.#told.delete(id);
    this.#first = false;
    return [...studies];
  }
}

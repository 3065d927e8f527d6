/**
 * News of the records, for pages that are open: which studies were written since.
 *
 * Asked of the database, twice a second and only while somebody listens: so that it does not matter which of several
 * backends wrote. Each study is told once for each time it was written.
 */
import type { Log } from '../log.ts';
import { summarize } from '../errors.ts';
import type { Store } from '../store/database.ts';

export interface News {
  /** Orthanc's identifiers of studies that were written. */
  readonly studies: readonly string[];
  /** How many studies are recorded: it also tells that some were removed. */
  readonly total: number;
}

type Listener = (news: News) => void;

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
      const [found, total] = await Promise.all([
        this.#store.studies
          .find({ changed_at: { $gt: from } }, { projection: { changed_at: 1 } })
          .sort({ changed_at: 1 })
          .limit(MOST_STUDIES)
          .toArray(),
        this.#store.studies.estimatedDocumentCount(),
      ]);
      const studies: string[] = [];
      for (const { _id, changed_at } of found) {
        const at = changed_at?.getTime() ?? 0;
        if (this.#told.get(_id) === at) continue;
        this.#told.set(_id, at);
        if (this.#total !== null) studies.push(_id);
        if (at > this.#since.getTime()) this.#since = new Date(at);
      }
      const changed = studies.length > 0 || (this.#total !== null && this.#total !== total);
      this.#total = total;
      if (changed) for (const it of [...this.#listeners]) it({ studies, total });
      this.#forget(from);
    } catch (error) {
      this.#log.debug({ err: summarize(error) }, 'no news: the database does not answer');
    }
    if (this.#listeners.size > 0) this.#next(EVERY_MILLISECONDS);
  }

  #forget(before: Date): void {
    for (const [id, at] of this.#told) if (at < before.getTime()) this.#told.delete(id);
  }
}

/**
 * News of the records, for pages that are open: which studies were written or removed since.
 *
 * The catalogue is asked to look twice a second, only while somebody listens: it does not matter which of several
 * backends wrote. Each study is told once for each time it was written.
 */
import type { CatalogueKeeper } from '../catalogue/keeper.ts';
import { summarize } from '../errors.ts';
import type { Log } from '../log.ts';

export interface News {
  /** Orthanc's identifiers of studies that were written or removed; none where anything may have changed. */
  readonly studies: readonly string[];
  /** How many studies are recorded; null where that is not known. */
  readonly total: number | null;
}

type Listener = (news: News) => void;

const EVERY_MILLISECONDS = 500;
const MOST_STUDIES = 500;

export class NewsRoom {
  readonly #keeper: CatalogueKeeper;
  readonly #log: Log;
  #listeners = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(keeper: CatalogueKeeper, log: Log) {
    this.#keeper = keeper;
    this.#log = log;
  }

  /** Hears everything from now on, until the function that is returned is called. */
  listen(listener: Listener): () => void {
    const stop = this.#keeper.listen((studies) => {
      listener({ studies: studies.slice(0, MOST_STUDIES), total: this.#keeper.size });
    });
    this.#listeners += 1;
    if (this.#listeners === 1) this.#next(0);
    return () => {
      stop();
      this.#listeners -= 1;
      if (this.#listeners === 0 && this.#timer !== null) clearTimeout(this.#timer);
    };
  }

  #next(milliseconds: number): void {
    this.#timer = setTimeout(() => void this.#look(), milliseconds);
  }

  async #look(): Promise<void> {
    try {
      await this.#keeper.refresh();
    } catch (error) {
      this.#log.debug({ err: summarize(error) }, 'no news: the database does not answer');
    }
    if (this.#listeners > 0) this.#next(EVERY_MILLISECONDS);
  }
}

/**
 * Keeps the catalogue in line with the database, for every backend by itself: whoever wrote, and wherever.
 *
 * Why it is not left to the database: SecantusDB reads every record that a filter lets through before it takes the
 * first fifty (0.7: 0.6 s of 20,000 studies, in the order of an index), and no index finds the middle of a word.
 * Each look asks for what was written since the one before, by an index; so a list shows what was written before it was
 * asked for. Until everything has been read, and where memory does not suffice for it, the database itself searches.
 */
import { getHeapStatistics } from 'node:v8';
import { Waker } from '../delivery/backoff.ts';
import { summarize } from '../errors.ts';
import type { PatientQuery, StudyQuery } from '../http/schemas.ts';
import type { Log } from '../log.ts';
import type { Store } from '../store/database.ts';
import { Catalogue, type Found } from './catalogue.ts';
import { FIELDS, type ListedStudy } from './rows.ts';

/** Writes become visible after the time they carry, and older backends write the time of their own clocks. */
const OVERLAP_MILLISECONDS = 5_000;
const WIDE_OVERLAP_MILLISECONDS = 120_000;
const WIDE_EVERY_MILLISECONDS = 60_000;
const LOOK_EVERY_MILLISECONDS = 5_000;
const RETRY_MILLISECONDS = 1_000;

/** What a study takes, measured with some more, and the share of the heap that may be spent on all. */
const BYTES_A_STUDY = 800;
const SHARE_OF_MEMORY = 0.5;

/** Identifiers of Orthanc begin alike often: read in so many parts at most, of about so many studies. */
const PARTS = 256;
const FIRST_PARTS = 4;
const STUDIES_A_PART = 1_000;

type Listener = (studies: readonly string[]) => void;

/** `reading`: not everything is known yet. `beyond`: more studies than memory allows. */
export type KeeperState = 'reading' | 'kept' | 'beyond';

export class CatalogueKeeper {
  readonly #store: Store;
  readonly #log: Log;
  readonly #most: number;
  readonly #listeners = new Set<Listener>();
  readonly #waker = new Waker();
  #stopping = false;
  #catalogue = new Catalogue();
  #state: KeeperState = 'reading';
  /** The database's clock less this one's. */
  #ahead = 0;
  /** When the newest look began, by the database's clock. */
  #looked = 0;
  #lookedWide = 0;
  /** Beyond memory: what was told of each study lately. */
  #told = new Map<string, number>();
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;
  #done: Promise<void> | null = null;

  constructor(
    store: Store,
    log: Log,
    most = Math.floor((getHeapStatistics().heap_size_limit * SHARE_OF_MEMORY) / BYTES_A_STUDY),
  ) {
    this.#store = store;
    this.#log = log;
    this.#most = most;
  }

  get state(): KeeperState {
    return this.#state;
  }

  /** How many studies there are; null where that is not known here. */
  get size(): number | null {
    return this.#state === 'kept' ? this.#catalogue.size : null;
  }

  start(): void {
    this.#done ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#waker.end();
    await this.#done;
    await Promise.allSettled([this.#running, this.#next]);
  }

  /** Hears of studies that were written or removed, until the function that is returned is called. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The studies a query asks for; null where the database must be asked. @throws MongoError */
  async studies(query: StudyQuery): Promise<Found | null> {
    await this.refresh();
    return this.#state === 'kept' ? this.#catalogue.studies(query) : null;
  }

  /** The patients a query asks for; null where the database must be asked. @throws MongoError */
  async patients(query: PatientQuery): Promise<Found | null> {
    await this.refresh();
    return this.#state === 'kept' ? this.#catalogue.patients(query) : null;
  }

  /** Something listed is not there, and nobody told: an older backend removed it, or a dump was loaded. */
  distrust(): void {
    if (this.#state !== 'kept') return;
    this.#log.warn('a study in the list is no longer recorded: the list is read anew');
    this.#state = 'reading';
    this.#catalogue = new Catalogue();
    this.#waker.wake();
  }

  /** Takes in what was written before this was called. @throws MongoError */
  async refresh(): Promise<void> {
    if (this.#state === 'reading') return;
    // A look that has begun may not see it; the next one is shared by all who ask meanwhile.
    this.#next ??= (this.#running ?? Promise.resolve())
      .catch(() => undefined)
      .then(async () => {
        this.#next = null;
        this.#running = this.#look();
        try {
          await this.#running;
        } finally {
          this.#running = null;
        }
      });
    return this.#next;
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      try {
        if (this.#state === 'reading') await this.#read();
        else await this.refresh();
        await this.#waker.wait(LOOK_EVERY_MILLISECONDS);
      } catch (error) {
        this.#log.debug({ err: summarize(error) }, 'the list cannot be read');
        await this.#waker.sleep(RETRY_MILLISECONDS);
      }
    }
  }

  /** Reads every study, part by part, so that the database serves others meanwhile. */
  async #read(): Promise<void> {
    const began = performance.now();
    // A driver whose first connection failed stays closed for every call but this one.
    await this.#store.client.connect();
    await this.#askClock();
    const from = this.#now();
    const catalogue = new Catalogue();
    let width = FIRST_PARTS;
    for (let part = 0; part < PARTS;) {
      if (this.#stopping) return;
      const upto = part + width;
      const parent_patient = {
        ...(part === 0 ? {} : { $gte: prefix(part) }),
        ...(upto >= PARTS ? {} : { $lt: prefix(upto) }),
      };
      const filter = Object.keys(parent_patient).length === 0 ? {} : { parent_patient };
      const found = await this.#store.studies.find(filter, { projection: FIELDS }).toArray();
      catalogue.apply(found, []);
      if (catalogue.size > this.#most) {
        this.#beyond(from);
        return;
      }
      part = upto;
      if (found.length < STUDIES_A_PART / 2) width = Math.min(2 * width, PARTS / 2);
      else if (found.length > 2 * STUDIES_A_PART) width = Math.max(1, Math.floor(width / 2));
    }
    this.#catalogue = catalogue;
    this.#looked = from;
    this.#lookedWide = 0;
    this.#state = 'kept';
    await this.refresh();
    const milliseconds = Math.round(performance.now() - began);
    this.#log.info({ studies: catalogue.size, milliseconds }, 'the list of studies is read');
    // Pages that were opened meanwhile have missed what was written.
    this.#tell([]);
  }

  #beyond(from: number): void {
    this.#log.warn(
      { most: this.#most },
      'more studies than memory allows to search in: the database does it, more slowly; give the backend more memory',
    );
    this.#catalogue = new Catalogue();
    this.#told = new Map();
    this.#looked = from;
    this.#state = 'beyond';
  }

  /** Takes in what was written since the last look, and somewhat before. */
  async #look(): Promise<void> {
    const now = this.#now();
    const wide = now - this.#lookedWide >= WIDE_EVERY_MILLISECONDS;
    if (wide) await this.#askClock();
    const from = new Date(this.#looked - (wide ? WIDE_OVERLAP_MILLISECONDS : OVERLAP_MILLISECONDS));
    const kept = this.#state === 'kept';
    const [written, told] = await Promise.all([
      this.#store.studies
        .find({ changed_at: { $gt: from } }, { projection: kept ? FIELDS : { changed_at: 1 } })
        .toArray(),
      this.#store.removals.find({ at: { $gt: from } }, { projection: { at: 1 } }).toArray(),
    ]);
    const news = kept
      ? await this.#take(
          written,
          told.map((it) => it._id),
        )
      : this.#untold(
          [
            ...written.map((it) => ({ id: it._id, at: it.changed_at?.getTime() ?? 0 })),
            ...told.map((it) => ({ id: it._id, at: it.at.getTime() })),
          ],
          from,
        );
    this.#looked = now;
    if (wide) this.#lookedWide = now;
    if (kept && this.#catalogue.size > this.#most) this.#beyond(now);
    if (news.length > 0) this.#tell(news);
  }

  async #take(written: readonly ListedStudy[], told: readonly string[]): Promise<string[]> {
    const there = new Set(written.map((it) => it._id));
    const asked = told.filter((it) => !there.has(it) && this.#catalogue.has(it));
    if (asked.length === 0) return this.#catalogue.apply(written, []);
    // A removal is told before it is done; and what was removed may have come again.
    const left = await this.#store.studies.find({ _id: { $in: asked } }, { projection: { _id: 1 } }).toArray();
    const still = new Set(left.map((it) => it._id));
    return this.#catalogue.apply(
      written,
      asked.filter((it) => !still.has(it)),
    );
  }

  #untold(seen: readonly { id: string; at: number }[], from: Date): string[] {
    const news = seen.filter(({ id, at }) => this.#told.get(id) !== at);
    for (const { id, at } of news) this.#told.set(id, at);
    for (const [id, at] of this.#told) if (at < from.getTime() - WIDE_OVERLAP_MILLISECONDS) this.#told.delete(id);
    return news.map((it) => it.id);
  }

  #tell(studies: readonly string[]): void {
    for (const it of [...this.#listeners]) it(studies);
  }

  #now(): number {
    return Date.now() + this.#ahead;
  }

  async #askClock(): Promise<void> {
    const { localTime } = await this.#store.db.admin().command({ hello: 1 });
    if (localTime instanceof Date) this.#ahead = localTime.getTime() - Date.now();
  }
}

function prefix(part: number): string {
  return part.toString(16).padStart(2, '0');
}

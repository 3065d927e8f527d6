/** The loops which do the analyses: one for each provider, and one which looks at what arrived. */
import type { Config } from '../config.ts';
import { Waker } from '../delivery/backoff.ts';
import { isUnreachable, summarize } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Store } from '../store/database.ts';
import type { StudyDocument } from '../store/documents.ts';
import type { AnalysisConfig } from './config.ts';
import type { ProviderCard } from './contract.ts';
import type { JobDocument, ResultDocument } from './documents.ts';
import { forgetAnalyses } from './forget.ts';
import { digest, imagesOf, type Images } from './images.ts';
import {
  claim,
  enqueue,
  fail,
  finish,
  LEASE_MILLISECONDS,
  noteResult,
  release,
  renew,
  retryMilliseconds,
  takeBack,
} from './jobs.ts';
import { Provider, ProviderError } from './provider.ts';
import { checkPlace, checkReport, ReportStore, StoringError } from './sr.ts';

export interface RunnerOptions {
  readonly holder: string;
  readonly config: AnalysisConfig;
  readonly orthanc: Config['orthanc'];
  readonly store: Store;
  readonly log: Log;
}

/** A failure whose words may be told, and which no repetition mends. */
class Hopeless extends Error {}
/** The study is not recorded any more. */
class Gone extends Error {}
/** Another backend has the job now, or the process ends. */
class BrokenOff extends Error {}

/** Clocks of several backends differ, and a record is written a little after its time is taken. */
const OVERLAP_MILLISECONDS = 60_000;

export class AnalysisRunner {
  readonly providers: ReadonlyMap<string, Provider>;
  readonly #options: RunnerOptions;
  readonly #reports: ReportStore;
  readonly #wakers = new Map<string, Waker>();
  readonly #arrivals = new Waker();
  readonly #ending = new AbortController();
  /** For each provider, the studies of the overlap that were looked at, and when they were written. */
  readonly #seen = new Map<string, Map<string, number>>();
  #loops: Promise<void>[] = [];

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.providers = new Map(options.config.providers.map((it) => [it.id, new Provider(it)]));
    this.#reports = new ReportStore(options.orthanc);
    for (const id of this.providers.keys()) this.#wakers.set(id, new Waker());
  }

  get onArrival(): readonly string[] {
    return this.#options.config.onArrival;
  }

  get storesReports(): boolean {
    return this.#options.config.storeSr;
  }

  start(): void {
    if (this.#loops.length > 0) return;
    this.#loops = [...this.providers.values()].map(async (it) => this.#workLoop(it));
    if (this.#options.config.onArrival.length > 0) this.#loops.push(this.#arrivalLoop());
  }

  /** Breaks off what is at work, and gives it back to be done later. */
  async stop(): Promise<void> {
    this.#ending.abort();
    for (const it of [...this.#wakers.values(), this.#arrivals]) it.end();
    await Promise.all(this.#loops);
    await Promise.all([...this.providers.values()].map(async (it) => it.close()));
    await this.#reports.close();
  }

  /** Says that a job of a provider was made. */
  wake(provider: string): void {
    this.#wakers.get(provider)?.wake();
  }

  async #workLoop(provider: Provider): Promise<void> {
    const { store, holder, log, config } = this.#options;
    const waker = this.#wakers.get(provider.id) ?? new Waker();
    let began = false;
    while (!this.#ending.signal.aborted) {
      try {
        if (!began) {
          await takeBack(store.analysisJobs, holder, new Date());
          began = true;
        }
        const job = await claim(store.analysisJobs, provider.id, holder, new Date());
        if (job !== null) {
          await this.#work(provider, job);
          continue;
        }
      } catch (error) {
        log.warn({ err: error, provider: provider.id }, 'the queue of analyses failed');
      }
      await waker.wait(config.pollSeconds * 1000);
    }
  }

  /** Does one job, whatever comes of it. */
  async #work(provider: Provider, job: JobDocument): Promise<void> {
    const { store, log, config } = this.#options;
    const broken = new AbortController();
    const signal = AbortSignal.any([broken.signal, this.#ending.signal]);
    const heartbeat = setInterval(() => {
      void renew(store.analysisJobs, job, new Date()).then(
        (it) => {
          if (!it) broken.abort();
        },
        () => undefined,
      );
    }, LEASE_MILLISECONDS / 3);
    const about = { job: job._id.slice(0, 12), provider: provider.id, attempt: job.attempts };
    try {
      // A try that ended the whole process is counted when the next begins.
      if (job.attempts > config.attempts) throw new Hopeless('each try ended before it was done, with the backend');
      await this.#analyse(provider, job, signal);
      if (await finish(store.analysisJobs, job, new Date())) log.info(about, 'analysed');
    } catch (error) {
      if (error instanceof Gone) {
        await forgetAnalyses(store, [job.study]);
        return;
      }
      if (signal.aborted || error instanceof BrokenOff) {
        await release(store.analysisJobs, job, new Date());
        return;
      }
      // While the database does not answer nothing can be noted: the lease ends by itself.
      if (isUnreachable(error)) throw error;
      const told = error instanceof ProviderError || error instanceof StoringError || error instanceof Hopeless;
      const last = error instanceof Hopeless || (error instanceof ProviderError && error.final);
      const now = new Date();
      const wait = retryMilliseconds(job.attempts, config.retrySeconds);
      const again = last || job.attempts >= config.attempts ? null : new Date(now.getTime() + wait);
      const words = told ? error.message : summarize(error).message;
      if (!told) log.warn({ ...about, err: error }, 'an analysis failed');
      // The words are the provider's, and stay out of the log.
      log.warn({ ...about, kind: (error as Error).name, dead: again === null }, 'an analysis was not done');
      await fail(store.analysisJobs, job, words, again, now);
    } finally {
      clearInterval(heartbeat);
    }
  }

  async #analyse(provider: Provider, job: JobDocument, signal: AbortSignal): Promise<void> {
    const { store, config } = this.#options;
    const study = await store.studies.findOne({ _id: job.study });
    if (study === null) throw new Gone();
    const images = await imagesOf(store, study);
    if (images === null) throw new Hopeless('the study holds no image');
    let result = job.result === null ? null : await store.analysisResults.findOne({ _id: job.result });
    if (result === null) {
      const card = await provider.card();
      const analysis = await provider.analyse(images.request, signal);
      result = await this.#keep(study, card, analysis);
      // Removed meanwhile: what was kept too late would stay for ever.
      if ((await store.studies.countDocuments({ _id: study._id }, { limit: 1 })) === 0) throw new Gone();
      if (!(await noteResult(store.analysisJobs, job, result._id, new Date()))) throw new BrokenOff();
    }
    if (config.storeSr && result.sr_sop_instance_uid === null) {
      await this.#storeReport(provider, study, images, result, signal);
    }
  }

  async #keep(
    study: StudyDocument,
    { id, version, title, kind }: ProviderCard,
    analysis: ResultDocument['analysis'],
  ): Promise<ResultDocument> {
    const { provenance } = analysis;
    const _id = digest('result', study._id, id, provenance.version, provenance.input_digest);
    const fields = {
      study: study._id,
      study_instance_uid: study.study_instance_uid,
      at: new Date(),
      provider: { id, version: provenance.version, title: version === provenance.version ? title : id, kind },
      analysis,
    };
    const result = await this.#options.store.analysisResults.findOneAndUpdate(
      { _id },
      { $set: fields, $setOnInsert: { sr_sop_instance_uid: null } },
      { upsert: true, returnDocument: 'after' },
    );
    return result ?? { _id, ...fields, sr_sop_instance_uid: null };
  }

  async #storeReport(
    provider: Provider,
    study: StudyDocument,
    images: Images,
    result: ResultDocument,
    signal: AbortSignal,
  ): Promise<void> {
    const { store } = this.#options;
    const content = await provider.report(images.request, result.analysis, signal);
    if (content === null) return;
    const uid = checkReport(content, study);
    await checkPlace(store, uid);
    if (signal.aborted) throw new BrokenOff();
    await this.#reports.store(content, study._id);
    await store.analysisResults.updateOne({ _id: result._id }, { $set: { sr_sop_instance_uid: uid } });
  }

  async #arrivalLoop(): Promise<void> {
    const { log, config } = this.#options;
    while (!this.#ending.signal.aborted) {
      for (const id of config.onArrival) {
        try {
          await this.#look(id);
        } catch (error) {
          // A provider that is not there is waited for: its arrivals are looked at when it comes.
          if (error instanceof ProviderError) log.debug({ provider: id }, 'a provider does not say what it reads');
          else log.warn({ err: error, provider: id }, 'arrivals could not be looked at');
        }
      }
      await this.#arrivals.wait(config.pollSeconds * 1000);
    }
  }

  /**
   * Makes jobs of what arrived and has been quiet since.
   *
   * What was there before the first look is not analysed by itself. A study is considered anew each time its record
   * was written; the same images are the same job.
   */
  async #look(id: string): Promise<void> {
    const { store, config } = this.#options;
    const provider = this.providers.get(id);
    if (provider === undefined) return;
    const now = Date.now();
    const first = { considered_until: new Date(now) };
    await store.analysisArrivals.updateOne({ _id: id }, { $setOnInsert: first }, { upsert: true });
    const mark = (await store.analysisArrivals.findOne({ _id: id }))?.considered_until ?? first.considered_until;
    const quiet = new Date(now - config.quietSeconds * 1000);
    if (quiet <= mark) return;
    const { modalities } = await provider.card();
    const since = new Date(mark.getTime() - OVERLAP_MILLISECONDS);
    const seen = this.#seen.get(id) ?? new Map<string, number>();
    this.#seen.set(id, seen);
    for (const [study, at] of seen) if (at <= since.getTime()) seen.delete(study);
    const advance = async (to: Date): Promise<unknown> =>
      store.analysisArrivals.updateOne({ _id: id }, { $max: { considered_until: to } });
    let looked = 0;
    const studies = store.studies
      .find(
        { changed_at: { $gt: since, $lte: quiet } },
        { projection: { study_instance_uid: 1, modalities_in_study: 1, changed_at: 1 }, batchSize: 100 },
      )
      .sort({ changed_at: 1 });
    for await (const study of studies) {
      if (this.#ending.signal.aborted) return;
      const at = study.changed_at ?? quiet;
      if (seen.get(study._id) === at.getTime()) continue;
      if (modalities.length === 0 || study.modalities_in_study.some((it) => modalities.includes(it)))
        await this.#wish(id, study);
      seen.set(study._id, at.getTime());
      if (++looked % 100 === 0) await advance(at);
    }
    await advance(quiet);
  }

  async #wish(provider: string, study: Pick<StudyDocument, '_id' | 'study_instance_uid'>): Promise<void> {
    const { store } = this.#options;
    const images = await imagesOf(store, study);
    if (images === null) return;
    const wish = {
      study: study._id,
      study_instance_uid: study.study_instance_uid,
      provider,
      signature: images.signature,
      requested_by: null,
    };
    if (await enqueue(store.analysisJobs, wish, new Date())) this.wake(provider);
  }
}

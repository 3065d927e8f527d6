/**
 * The one loop which brings Orthanc's changes into the records.
 *
 * At least once from Orthanc, exactly once in effect: a page of changes is written for good before the cursor moves
 * past it, and writing it twice changes nothing. The webhook only wakes the loop; losing it costs the poll interval.
 */
import { randomUUID } from 'node:crypto';
import { LeaseLostError, summarize } from '../errors.ts';
import type { Change, System } from '../orthanc.ts';
import { prepareStore } from '../store/database.ts';
import type {
  Anchor,
  Reconciliation,
  ReconciliationMode,
  ReconciliationRequest,
  StateDocument,
} from '../store/documents.ts';
import {
  acquireLease,
  advance,
  finishReconciliation,
  prepareState,
  releaseLease,
  rememberIdentifier,
  renewLease,
  requestReconciliation,
  startReconciliation,
  type Lease,
} from '../store/state.ts';
import { applyTouched } from './apply.ts';
import { backoffMilliseconds, Waker } from './backoff.ts';
import { anchorOf, judge, touchedBy, withAnchor } from './cursor.ts';
import { Holes } from './holes.ts';
import { orthancDate } from './records.ts';
import { recordCounts, reconcile, sameCounts } from './reconcile.ts';
import type { WorkerOptions, WorkerStatus } from './status.ts';

/** Renew the lease when it is this old, unless a batch has renewed it. */
const RENEW_MILLISECONDS = 4_000;
/** While a number of a change is missing, look again after so long: it comes when a transaction ends. */
const HOLE_POLL_MILLISECONDS = 500;
/** Ask Orthanc again who it is after so long. */
const IDENTIFY_MILLISECONDS = 5_000;
/** After a failure, a poke may bring the next try forward to this: Orthanc that calls is probably well again. */
const RETRY_MILLISECONDS = 1_000;
/** So many gaps are looked into in one round. */
const RUNS_AT_ONCE = 20;
/** A costly look takes at most this share of the time: the next waits so many times as long as the last one took. */
const COST_FACTOR = 20;

export class Worker {
  readonly status: WorkerStatus = {
    role: 'starting',
    heartbeat: new Date(),
    cursor: null,
    orthancLastSeq: null,
    oldestUndelivered: null,
    backlog: 0,
    lastError: null,
    failures: 0,
    lastOrthancAnswer: null,
    lastRound: null,
    system: null,
    running: null,
    finished: null,
  };

  readonly #options: WorkerOptions;
  readonly #waker = new Waker();
  #stopping = false;
  #done: Promise<void> | null = null;

  #prepared = false;
  #lease: Lease | null = null;
  #renewedAt = 0;
  #sawAt = 0;
  /** The highest number that was read; the one that is stored stays below what may still come. */
  #cursor = 0;
  readonly #holes = new Holes();
  #anchors: Anchor[] = [];
  #pending: ReconciliationRequest | null = null;
  #reconciling: AsyncGenerator<unknown, Reconciliation, void> | null = null;
  #nextReconciliation = 0;
  #nextCount = 0;
  #mismatches = 0;

  constructor(options: WorkerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#done ??= this.#run();
  }

  /** Ends after the batch at work, gives back the lease. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#waker.end();
    await this.#done;
  }

  /** Says that something may have changed in Orthanc. Never waits. */
  poke(event: string): void {
    this.#options.metrics.pokes.inc();
    if (/delete/i.test(event)) this.#nextCount = 0;
    this.#waker.wake();
  }

  /** Says that the state document holds a new wish. */
  wakeForWish(): void {
    this.#renewedAt = 0;
    this.#waker.wake();
  }

  async #run(): Promise<void> {
    const { log, pollSeconds, settleMilliseconds } = this.#options;
    let wasBusy = false;
    while (!this.#stopping) {
      this.status.heartbeat = new Date();
      try {
        const outcome = await this.#round();
        this.status.failures = 0;
        this.status.lastRound = new Date();
        if (outcome === 'more') continue;
        // While a burst runs, look again soon: in batches, which leaves Orthanc to the sender.
        if (outcome === 'some') {
          wasBusy = true;
          await this.#pause(settleMilliseconds);
        } else {
          const woken = await this.#waker.wait(this.#idleMilliseconds(pollSeconds * 1000));
          if (woken && !wasBusy && this.#isHolder()) await this.#pause(settleMilliseconds);
          wasBusy = false;
        }
      } catch (error) {
        this.#reconciling = null;
        if (error instanceof LeaseLostError) {
          this.#lease = null;
          this.status.running = null;
          log.warn('another backend has taken over the deliveries');
          continue;
        }
        this.status.failures += 1;
        const wait = backoffMilliseconds(this.status.failures);
        const summary = summarize(error);
        this.status.lastError = { ...summary, at: new Date() };
        this.#options.metrics.failures.inc({ source: summary.source, kind: summary.kind });
        if (summary.source === 'database') this.#prepared = false;
        log.warn(
          { err: error, failures: this.status.failures, retry_milliseconds: Math.round(wait) },
          'delivery failed',
        );
        await this.#pause(wait, RETRY_MILLISECONDS);
      }
    }
    this.status.role = 'stopped';
    if (this.#lease !== null) {
      await releaseLease(this.#options.store, this.#lease).catch((error: unknown) => {
        log.warn({ err: error }, 'the lease could not be given back');
      });
    }
  }

  /** Waits whatever pokes come, or with `wakeable` until one comes after so long. The end always cuts it short. */
  async #pause(milliseconds: number, wakeable = milliseconds): Promise<void> {
    await this.#waker.sleep(Math.min(milliseconds, wakeable));
    if (wakeable < milliseconds && !this.#stopping) await this.#waker.wait(milliseconds - wakeable);
  }

  #idleMilliseconds(poll: number): number {
    const now = Date.now();
    if (this.#holes.size > 0) return HOLE_POLL_MILLISECONDS;
    return Math.max(
      50,
      Math.min(poll, RENEW_MILLISECONDS, this.#nextReconciliation > now ? this.#nextReconciliation - now : poll),
    );
  }

  #isHolder(): boolean {
    return this.#lease !== null;
  }

  /** One look: lease, changes, then at most one step of a reconciliation. */
  async #round(): Promise<'idle' | 'some' | 'more'> {
    if (!(await this.#hold())) return 'idle';
    const delivered = await this.#deliver();
    if (delivered === 'more') return 'more';
    if (await this.#reconcileStep()) return 'more';
    if (delivered === 'idle') await this.#compareCounts();
    return delivered;
  }

  /** Takes or renews the lease. False while another backend has it; then Orthanc is only looked at. */
  async #hold(): Promise<boolean> {
    const { store, orthanc, log, pollSeconds } = this.#options;
    if (!this.#prepared) {
      await prepareStore(store);
      await prepareState(store);
      this.#prepared = true;
    }
    if (this.#lease === null) {
      const taken = await acquireLease(store, this.#options.holder, new Date());
      if (taken === null) {
        this.status.role = 'standby';
        const age = Date.now() - (this.status.lastOrthancAnswer?.getTime() ?? 0);
        if (age >= pollSeconds * 1000) this.#saw(await orthanc.system());
        return false;
      }
      this.#takeOver(taken.lease, taken.state);
      log.info({ cursor: this.#cursor, epoch: taken.lease.epoch }, 'this backend does the deliveries');
    } else if (Date.now() - this.#renewedAt >= RENEW_MILLISECONDS) {
      this.#pending = (await renewLease(store, this.#lease, new Date())).pending;
      this.#renewedAt = Date.now();
    }
    return true;
  }

  #takeOver(lease: Lease, state: StateDocument): void {
    this.#lease = lease;
    this.#renewedAt = Date.now();
    this.#cursor = state.cursor;
    this.#holes.clear();
    this.#anchors = state.anchors;
    this.#pending = state.pending;
    this.#reconciling = null;
    this.status.running = state.running;
    this.#nextReconciliation = 0;
    this.status.role = 'leader';
    this.status.cursor = state.cursor;
    this.status.finished = state.finished[0] ?? null;
    this.status.system = null;
  }

  #saw(system: System): void {
    this.status.system = system;
    this.status.lastOrthancAnswer = new Date();
    this.#sawAt = Date.now();
  }

  /** Records one page of changes. `more`: the next page is there already; `some`: a burst may go on. */
  async #deliver(): Promise<'idle' | 'some' | 'more'> {
    const { orthanc, store, metrics, batchSize, log } = this.#options;
    const stale = this.status.system === null || Date.now() - this.#sawAt >= IDENTIFY_MILLISECONDS;
    if (this.status.failures > 0 || stale) await this.#identify();
    const anchor = this.#anchors.at(-1);
    // One more, from the remembered line itself: the same call shows that the log is still the same one.
    const page = await orthanc.changes(anchor === undefined ? this.#cursor : anchor.seq - 1, batchSize + 1);
    this.status.lastOrthancAnswer = new Date();
    if (!(await this.#sameLog(page.Changes[0], page.Changes.length === 0 ? page.Last : null))) return 'more';

    const fresh = page.Changes.filter((it) => it.Seq > this.#cursor);
    const late = this.#holes.size === 0 ? [] : await this.#late();
    if (this.#options.sharedIndex) this.#holes.pass(this.#cursor, fresh, Date.now());
    const last = fresh.at(-1);
    if (last === undefined && late.length === 0) {
      await this.#settle();
      this.#caughtUp(page.Changes.length === 0 ? page.Last : this.#cursor);
      return 'idle';
    }
    this.status.oldestUndelivered = orthancDate((late[0] ?? fresh[0])?.Date);
    const end = last?.Seq ?? this.#cursor;
    this.status.orthancLastSeq = page.Done ? Math.max(page.Last, end) : (await orthanc.lastChange()).Last;
    this.#setBacklog(Math.max(fresh.length, this.status.orthancLastSeq - this.#cursor));

    const started = performance.now();
    const applied = await applyTouched(orthanc, store, touchedBy([...late, ...fresh]));
    this.#holes.fill(late);
    if (last !== undefined) this.#anchors = withAnchor(this.#anchors, anchorOf(last));
    this.#cursor = end;
    await this.#store();
    this.#setBacklog(Math.max(0, this.status.orthancLastSeq - end));
    const seconds = (performance.now() - started) / 1000;
    metrics.batchSeconds.observe(seconds);
    metrics.recorded.inc(applied.recorded);
    metrics.removed.inc(applied.removed);
    metrics.cursor.set(end);
    log.debug({ changes: fresh.length, late: late.length, ...applied, cursor: end, seconds }, 'recorded');
    if (page.Done) {
      this.#caughtUp(end);
      return 'some';
    }
    return 'more';
  }

  /** Those changes whose numbers were passed over, and which have come since. */
  async #late(): Promise<Change[]> {
    const late: Change[] = [];
    for (const { first, last } of this.#holes.runs().slice(0, RUNS_AT_ONCE)) {
      const page = await this.#options.orthanc.changes(first - 1, last - first + 1);
      late.push(...page.Changes.filter((it) => it.Seq <= last));
    }
    if (late.length > 0) this.#options.log.debug({ changes: late.length }, 'changes came after later ones');
    return late;
  }

  /** Gives up the numbers that will not come any more; then the stored cursor goes past them. */
  async #settle(): Promise<void> {
    if (this.#holes.size === 0) return;
    this.#holes.expire(Date.now());
    if (this.#holes.size === 0) await this.#store();
  }

  /** Stores how far everything is recorded: up to the first number that may still come. */
  async #store(): Promise<void> {
    this.#holes.expire(Date.now());
    const settled = Math.min(this.#cursor, (this.#holes.first ?? Infinity) - 1);
    const anchors = this.#anchors.filter((it) => it.seq <= settled);
    await advance(this.#options.store, this.#held(), settled, anchors, new Date());
    this.#renewedAt = Math.max(this.#renewedAt, Date.now() - RENEW_MILLISECONDS / 2);
    this.status.cursor = settled;
  }

  #held(): Lease {
    if (this.#lease === null) throw new LeaseLostError();
    return this.#lease;
  }

  #caughtUp(lastSeq: number): void {
    this.status.orthancLastSeq = lastSeq;
    this.status.oldestUndelivered = null;
    this.#setBacklog(0);
  }

  #setBacklog(changes: number): void {
    this.status.backlog = changes;
    this.#options.metrics.backlog.set(changes);
  }

  /** Asks Orthanc who it is: at the start, after every failure, and now and then: it may restart between two calls. */
  async #identify(): Promise<void> {
    const { orthanc, store, log } = this.#options;
    const system = await orthanc.system();
    this.#saw(system);
    const identifier = system.DatabaseServerIdentifier ?? null;
    // Of several on one index each has its own, and any of them may answer.
    if (identifier === null || this.#options.sharedIndex) return;
    const { database_identifier: known } = await renewLease(store, this.#held(), new Date());
    if (known !== null && known !== identifier) {
      log.warn('Orthanc names another database than before');
      await this.#restart('another database identifier', identifier);
    } else if (known === null) await rememberIdentifier(store, this.#held(), identifier);
  }

  /**
   * Whether the log is the one the cursor belongs to; if not, the cursor starts anew and a reconciliation is requested.
   *
   * @param first the first line at or after the newest anchor
   * @param emptyLast the highest number Orthanc ever gave, known when there is no such line
   */
  async #sameLog(first: Change | undefined, emptyLast: number | null): Promise<boolean> {
    const { orthanc, log } = this.#options;
    // Where several write, the number that ends the log is of whoever wrote it last, not the highest.
    if (emptyLast !== null && emptyLast < this.#cursor && !this.#options.sharedIndex) {
      log.warn({ cursor: this.#cursor, last: emptyLast }, "Orthanc's changes go back behind the cursor");
      await this.#restart('the changes end before the cursor');
      return false;
    }
    let seen = first;
    let lost = false;
    for (let anchor = this.#anchors.at(-1); anchor !== undefined; anchor = this.#anchors.at(-1)) {
      const verdict = judge(anchor, seen);
      if (verdict === 'same') {
        if (lost) await this.#request('quick', 'remembered changes are gone');
        return true;
      }
      if (verdict === 'other') {
        log.warn({ seq: anchor.seq }, "Orthanc's changes are not those seen before: another database");
        await this.#restart('other changes than those seen before');
        return false;
      }
      lost = true;
      this.#anchors = this.#anchors.slice(0, -1);
      const next = this.#anchors.at(-1);
      seen = next === undefined ? undefined : (await orthanc.changes(next.seq - 1, 1)).Changes[0];
    }
    if (lost) await this.#request('full', 'no remembered change is left');
    return true;
  }

  async #restart(reason: string, identifier: string | null = null): Promise<void> {
    const { orthanc, store } = this.#options;
    const page = await orthanc.lastChange();
    const last = page.Changes.at(-1);
    const anchors = last === undefined ? [] : [anchorOf(last)];
    const request = this.#merge('full', reason);
    await requestReconciliation(store, this.#held(), request, {
      cursor: page.Last,
      anchors,
      databaseIdentifier: identifier,
    });
    this.#pending = request;
    this.#reconciling = null;
    this.#holes.clear();
    this.#cursor = page.Last;
    this.#anchors = anchors;
    this.status.cursor = page.Last;
  }

  async #request(mode: ReconciliationMode, reason: string): Promise<void> {
    const request = this.#merge(mode, reason);
    await requestReconciliation(this.#options.store, this.#held(), request);
    this.#pending = request;
  }

  #merge(mode: ReconciliationMode, reason: string): ReconciliationRequest {
    return mergeRequests(this.#pending, {
      request_id: randomUUID(),
      mode,
      reasons: [reason],
      requested_at: new Date(),
    });
  }

  /** Does one step of a reconciliation, if one is at work, wanted or due. */
  async #reconcileStep(): Promise<boolean> {
    const { store, orthanc, batchSize, reconcileMinutes, log, metrics } = this.#options;
    if (this.#reconciling === null && this.status.running !== null) {
      // It failed, or another process began it: once more from its start.
      this.#reconciling = reconcile(orthanc, store, this.status.running, batchSize);
    }
    if (this.#reconciling === null) {
      if (this.#pending === null) {
        if (Date.now() < this.#nextReconciliation) return false;
        await this.#request('light', this.#nextReconciliation === 0 ? 'start' : 'schedule');
      }
      const request = this.#pending;
      if (request === null) return false;
      await startReconciliation(store, this.#held(), request);
      this.#pending = null;
      this.status.running = request;
      this.#reconciling = reconcile(orthanc, store, request, batchSize);
      log.info(
        { request_id: request.request_id, mode: request.mode, reasons: request.reasons },
        'reconciliation begins',
      );
    }
    const step = await this.#reconciling.next();
    if (step.done !== true) return true;
    const result = step.value;
    this.#reconciling = null;
    await finishReconciliation(store, this.#held(), result);
    const milliseconds = result.finished_at.getTime() - result.started_at.getTime();
    this.#nextReconciliation = Date.now() + Math.max(reconcileMinutes * 60_000, COST_FACTOR * milliseconds);
    this.status.running = null;
    this.status.finished = result;
    metrics.recorded.inc(result.instances_recorded);
    metrics.removed.inc(result.instances_removed);
    metrics.reconciliations.inc({ mode: result.mode });
    log.info(
      {
        request_id: result.request_id,
        mode: result.mode,
        milliseconds,
        instances_in_orthanc: result.instances_in_orthanc,
        instances_recorded: result.instances_recorded,
        instances_removed: result.instances_removed,
      },
      'reconciliation done',
    );
    return true;
  }

  /** Finds deletions, which leave no change: compares how many resources there are. */
  async #compareCounts(): Promise<void> {
    const { orthanc, store, pollSeconds } = this.#options;
    if (Date.now() < this.#nextCount) return;
    const started = Date.now();
    const there = await orthanc.statistics();
    let same = sameCounts(there, await recordCounts(store, false));
    if (!same) same = sameCounts(there, await recordCounts(store, true));
    this.#mismatches = same ? 0 : this.#mismatches + 1;
    // A difference no reconciliation mends must not become a loop.
    const patience = this.#mismatches < 2 ? 1 : 2 ** Math.min(this.#mismatches, 8);
    this.#nextCount = Date.now() + Math.max(pollSeconds * 1000, COST_FACTOR * (Date.now() - started)) * patience;
    if (!same) {
      await this.#request('quick', 'the counts differ');
      this.#waker.wake();
    }
  }
}

const THOROUGHNESS: readonly ReconciliationMode[] = ['quick', 'light', 'full'];

/** One request which does for both: the earlier identity, all reasons, the more thorough mode. */
export function mergeRequests(
  earlier: ReconciliationRequest | null,
  later: ReconciliationRequest,
): ReconciliationRequest {
  if (earlier === null) return later;
  return {
    request_id: earlier.request_id,
    requested_at: earlier.requested_at,
    reasons: [...new Set([...earlier.reasons, ...later.reasons])],
    mode: THOROUGHNESS.indexOf(later.mode) > THOROUGHNESS.indexOf(earlier.mode) ? later.mode : earlier.mode,
  };
}

/** What the loop of the delivery is given, and what it tells of itself. */
import type { ErrorSummary } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { Orthanc, System } from '../orthanc.ts';
import type { Store } from '../store/database.ts';
import type { Reconciliation, ReconciliationRequest } from '../store/documents.ts';

export interface WorkerOptions {
  /** This backend's name among those which share the database. */
  readonly holder: string;
  readonly orthanc: Orthanc;
  readonly store: Store;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly pollSeconds: number;
  readonly reconcileMinutes: number;
  readonly batchSize: number;
  readonly settleMilliseconds: number;
  /** Whether several Orthancs may write the log at once, each under a name of its own. */
  readonly sharedIndex: boolean;
}

/** What the worker knows of itself, for status, readiness and metrics. */
export interface WorkerStatus {
  role: 'leader' | 'standby' | 'starting' | 'stopped';
  /** When the loop last came round. */
  heartbeat: Date;
  cursor: number | null;
  /** The highest number of a change seen in Orthanc. */
  orthancLastSeq: number | null;
  /** When the oldest change not yet recorded was made in Orthanc. */
  oldestUndelivered: Date | null;
  backlog: number;
  lastError: (ErrorSummary & { at: Date }) | null;
  /** Failures in a row; 0 when the last round went well. */
  failures: number;
  lastOrthancAnswer: Date | null;
  lastRound: Date | null;
  system: System | null;
  running: ReconciliationRequest | null;
  finished: Reconciliation | null;
}

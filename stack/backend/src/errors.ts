/**
 * The errors of the backend, and what of an error may be told.
 *
 * Error
 * ├── ConfigError      (configfile.ts) the configuration cannot be used
 * ├── OrthancError     Orthanc could not answer a call
 * ├── LeaseLostError   another backend does the deliveries now
 * └── StoppedError     the process is ending
 */
import {
  MongoError,
  MongoNetworkError,
  MongoNotConnectedError,
  MongoServerError,
  MongoServerSelectionError,
  MongoTopologyClosedError,
} from 'mongodb';
import { ConfigError } from './configfile.ts';

/** Why a call to Orthanc failed. */
export type OrthancFailure = 'unreachable' | 'timeout' | 'unauthorized' | 'http' | 'malformed';

/** A call to Orthanc which failed. The message names the call and the remedy, never a secret or a patient. */
export class OrthancError extends Error {
  readonly failure: OrthancFailure;
  readonly status: number | null;

  constructor(failure: OrthancFailure, message: string, status: number | null = null) {
    super(message);
    this.name = 'OrthancError';
    this.failure = failure;
    this.status = status;
  }
}

/** Another backend holds the lease on the deliveries; nothing more may be written by this one. */
export class LeaseLostError extends Error {
  constructor() {
    super('another backend holds the lease on the deliveries');
    this.name = 'LeaseLostError';
  }
}

/** The process is ending; the work is left for the next start. */
export class StoppedError extends Error {
  constructor() {
    super('stopping');
    this.name = 'StoppedError';
  }
}

/** An error as it may be logged and shown: where it comes from, of what kind, and a text without patient data. */
export interface ErrorSummary {
  readonly source: 'orthanc' | 'database' | 'backend';
  readonly kind: string;
  readonly message: string;
}

const UNREACHABLE = [MongoServerSelectionError, MongoNetworkError, MongoTopologyClosedError, MongoNotConnectedError];

/**
 * What a member of a replica set answers that is not the primary any more, or ends.
 *
 * MongoDB's specification "Server Discovery and Monitoring", section "not writable primary" and "node is recovering".
 */
const STATE_CHANGES: ReadonlySet<unknown> = new Set([10107, 13435, 10058, 11600, 11602, 13436, 189, 91]);

/** Whether the database could not be reached, or had no primary, so that another try may succeed. */
export function isUnreachable(error: unknown): boolean {
  if (error instanceof MongoServerError && STATE_CHANGES.has(error.code)) return true;
  return UNREACHABLE.some((it) => error instanceof it);
}

/**
 * Tells an error without what may identify a patient.
 *
 * A database error's own text may quote the document it concerns, so only its code is told, except where the server
 * could not be reached at all.
 */
export function summarize(error: unknown): ErrorSummary {
  if (error instanceof OrthancError) return { source: 'orthanc', kind: error.failure, message: error.message };
  if (error instanceof LeaseLostError || error instanceof StoppedError || error instanceof ConfigError) {
    return { source: 'backend', kind: error.name, message: error.message };
  }
  if (isUnreachable(error)) {
    const { name } = error as Error;
    return { source: 'database', kind: 'unreachable', message: `the database does not answer (${name})` };
  }
  if (error instanceof MongoServerError) {
    const code = String(error.code ?? 'unknown');
    const hint = code === '18' ? ': user or password refused' : '';
    return { source: 'database', kind: `code ${code}`, message: `the database refused (code ${code}${hint})` };
  }
  if (error instanceof MongoError)
    return { source: 'database', kind: error.name, message: `the database failed (${error.name})` };
  const name = error instanceof Error ? error.name : typeof error;
  return { source: 'backend', kind: name, message: `unexpected ${name}` };
}

/** The places an unexpected error came through, without its message. */
export function stackOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.stack === undefined) return undefined;
  return error.stack
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .join('\n');
}

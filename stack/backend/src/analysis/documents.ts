/** The records of analyses, as they lie in the database. */
import type { Analysis, ProviderCard } from './contract.ts';

export const JOB_STATES = ['queued', 'running', 'done', 'failed', 'dead'] as const;
/**
 * `failed` waits for its next try, `dead` for a person. `done` and `dead` stay until they are asked for again.
 */
export type JobState = (typeof JOB_STATES)[number];

/** One study to be analysed by one provider: `_id` is derived from both and from the instances. */
export interface JobDocument {
  _id: string;
  /** Orthanc's identifier of the study. */
  study: string;
  study_instance_uid: string;
  provider: string;
  state: JobState;
  /** Who asked; null where the arrival did. */
  requested_by: string | null;
  created_at: Date;
  updated_at: Date;
  /** Not before. */
  run_after: Date;
  attempts: number;
  lease_holder: string | null;
  /** Counts the takings of the lease: one that was frozen and comes back writes nothing. */
  lease_epoch: number;
  lease_expires_at: Date;
  /** In words, bounded, perhaps of the provider's: text. */
  last_error: string | null;
  /** The result's `_id`, once there is one. */
  result: string | null;
}

/** A result; `_id` is derived from study, provider, version and input, so that a repetition replaces it. */
export interface ResultDocument {
  _id: string;
  study: string;
  study_instance_uid: string;
  at: Date;
  provider: Pick<ProviderCard, 'id' | 'version' | 'title' | 'kind'>;
  analysis: Analysis;
  /** The SOPInstanceUID of the structured report in Orthanc; null while there is none. */
  sr_sop_instance_uid: string | null;
}

/** How far the arrivals are looked at, for a provider: studies written before are considered. */
export interface ArrivalsDocument {
  _id: string;
  considered_until: Date;
}

/**
 * Reports, as they lie in the database.
 *
 * `reports` holds the text at work and where the report stands; `report_versions` what was given to others, which is
 * written once and changed by nobody.
 */
import type { ObjectId } from 'mongodb';
import type { PersonRole } from '../people/people.ts';
import type { Language } from './templates.ts';

export const STATES = ['draft', 'preliminary', 'signed', 'amended'] as const;
export type State = (typeof STATES)[number];
/** The states a version can have: a draft is none. */
export type VersionState = Exclude<State, 'draft'>;

/** Where a value came from that nobody typed. */
export interface Origin {
  kind: 'metadata' | 'measurement' | 'analysis';
  /** What was read: the attributes, or the provider with its version. */
  source: string;
}

/** The text of one field, and who wrote it. */
export interface FieldValue {
  value: string;
  /** Null for what a person typed. */
  origin: Origin | null;
  confirmed: boolean;
  by: string | null;
  at: Date | null;
  /** The report's revision which brought this text. */
  revision: number;
  /** The page that wrote it, and how many saves that page had made: so that a late one of its own is known as such. */
  editor: string | null;
  sequence: number;
}

/** The study as it was called when the version was made. */
export interface StudySnapshot {
  study_id: string;
  study_instance_uid: string;
  patient_id: string;
  patient_name: string;
  patient_birth_date: string | null;
  patient_sex: string | null;
  study_date: string | null;
  study_time: string | null;
  dicom_study_id: string | null;
  study_description: string | null;
  accession_number: string | null;
  referring_physician_name: string | null;
}

/** A version's text as it is read, with the labels of its time: later templates do not change it. */
export interface Section {
  title: string;
  fields: { id: string; label: string; text: string; confirmed: boolean; origin: Origin | null }[];
}

export interface VersionDocument {
  /** `REPORT:VERSION`. */
  _id: string;
  report_id: string;
  version: number;
  state: VersionState;
  /** Why a signed report was changed; null where it was not. */
  reason: string | null;
  by: string;
  role: PersonRole;
  at: Date;
  title: string;
  language: Language;
  institution: string | null;
  study: StudySnapshot;
  sections: Section[];
}

/** What a new version still has to be written into: repeated until all of it is. */
export interface Pending {
  version: VersionDocument;
  store: boolean;
  address: string;
  audit_id: ObjectId;
}

export interface ReportDocument {
  _id: string;
  study_id: string;
  study_instance_uid: string;
  patient_id: string;
  template: string;
  language: Language;
  state: State;
  /** An amendment at work, not yet signed. */
  amending: { reason: string; by: string; at: Date } | null;
  /** Counts every change. */
  revision: number;
  /** The number of the newest version; 0 for none. */
  version: number;
  fields: Record<string, FieldValue>;
  /** Field -> digest of the newest text of analyses that was taken over or left out; older reports have none. */
  offered?: Record<string, string>;
  created_by: string;
  created_at: Date;
  changed_by: string;
  changed_at: Date;
  pending: Pending | null;
}

/** A text which came too late for its field: another was there. Neither is lost. */
export interface ConflictDocument {
  _id: string;
  report_id: string;
  field: string;
  value: string;
  by: string;
  editor: string;
  at: Date;
  /** What stood in the field, by whom, and since which revision. */
  other: string;
  other_by: string | null;
  other_revision: number;
  resolved_at: Date | null;
  resolved_by: string | null;
}

export interface PresenceDocument {
  /** `REPORT:EDITOR`. */
  _id: string;
  report_id: string;
  editor: string;
  user: string;
  field: string | null;
  at: Date;
  expires_at: Date;
}

/** A version on its way into Orthanc. */
export interface OutboxDocument {
  /** The version's. */
  _id: string;
  report_id: string;
  state: 'waiting' | 'stored';
  attempts: number;
  next_at: Date;
  last_error: string | null;
  stored_at: Date | null;
  sop_instance_uid: string;
}

export const versionId = (report: string, version: number): string => `${report}:${String(version)}`;

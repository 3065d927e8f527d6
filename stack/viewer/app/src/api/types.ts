/** Answers of the backend, as its OpenAPI document has them. */

export interface Session {
  user: string;
  role: 'viewer' | 'radiologist' | 'technologist' | 'administrator';
  csrf: string | null;
  expires_at: string | null;
}

interface PatientTags {
  patient_id: string;
  patient_name: string;
  patient_birth_date: string | null;
  patient_sex: string | null;
}

interface Totals {
  number_of_instances: number;
  size_bytes: number;
  first_received_at: string | null;
  last_received_at: string | null;
  remote_aets: string[];
  remote_ips: string[];
  called_aets: string[];
}

export interface Patient extends PatientTags, Totals {
  id: string;
  number_of_studies: number;
  number_of_series: number;
}

export interface Study extends PatientTags, Totals {
  id: string;
  parent_patient: string;
  study_instance_uid: string;
  study_date: string | null;
  study_time: string | null;
  study_description: string | null;
  accession_number: string | null;
  referring_physician_name: string | null;
  institution_name: string | null;
  modalities_in_study: string[];
  number_of_series: number;
  is_stable: boolean;
}

export interface Series extends Totals {
  id: string;
  series_instance_uid: string;
  sop_class_uids: string[];
  modality: string | null;
  series_number: number | null;
  series_description: string | null;
  body_part_examined: string | null;
  station_name: string | null;
  manufacturer: string | null;
}

export interface Instance {
  id: string;
  sop_instance_uid: string;
  instance_number: number | null;
  transfer_syntax_uid: string | null;
}

export interface Page<T> {
  total: number;
  limit: number;
  offset: number;
  items: T[];
}

export interface Status {
  environment: { name: string; kind: string };
  version: string;
  ready: boolean;
  problems: string[];
  worker: {
    role: string;
    last_round_at: string | null;
    failures_in_a_row: number;
    last_error: { message: string; at: string | null } | null;
  };
  delivery: {
    backlog: number;
    oldest_undelivered_seconds: number | null;
    cursor: number | null;
    orthanc_last_seq: number | null;
  };
  orthanc: { reachable: boolean; name: string | null; version: string | null; dicom_aet: string | null };
  database: {
    reachable: boolean;
    version: string | null;
    patients: number | null;
    studies: number | null;
    series: number | null;
    instances: number | null;
  };
}

export interface AuditEntry {
  id: string;
  at: string;
  event: string;
  event_id: { code: string; meaning: string };
  outcome: number;
  user: string;
  role: string | null;
  address: string;
  study_instance_uid: string | null;
  patient_id: string | null;
}

/** What `orthancgen verify` told last. */
export interface Verification {
  environment: string;
  run_by: string;
  started_at: string;
  finished_at: string;
  received_at: string;
  checks: {
    id: string;
    title: string;
    group: 'positive' | 'negative';
    outcome: 'passed' | 'failed' | 'skipped';
    expected: string;
    seen: string;
    hint: string | null;
  }[];
  refused_associations: {
    since: string;
    until: string;
    count: number;
    latest: { at: string; reason: string; aet: string | null; address: string | null }[];
  } | null;
}

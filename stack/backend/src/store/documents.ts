/**
 * The records, as they lie in the database. `_id` is Orthanc's own identifier; dates are UTC.
 *
 * Names of DICOM attributes are their keywords in snake case (PatientName -> patient_name, DICOM PS3.6);
 * `parent_*` hold Orthanc's identifiers. Field `search` holds what text is searched in, made by {@link normalize}.
 */

/** Counts and times derived from the instances below a series, study or patient. */
export interface Totals {
  number_of_instances: number;
  size_bytes: number;
  first_received_at: Date | null;
  last_received_at: Date | null;
  /** Calling AE titles, addresses and called AE titles the instances came with. */
  remote_aets: string[];
  remote_ips: string[];
  called_aets: string[];
}

/** The patient as Orthanc keeps it: one for each PatientID. */
export interface PatientTags {
  patient_id: string;
  patient_name: string;
  patient_birth_date: string | null;
  patient_sex: string | null;
}

export interface PatientDocument extends PatientTags, Totals {
  _id: string;
  number_of_studies: number;
  number_of_series: number;
  search: { patient_id: string; patient_name: string };
}

export interface StudyTags {
  parent_patient: string;
  study_instance_uid: string;
  study_id: string | null;
  /** `YYYYMMDD`, or null where the file held no date. */
  study_date: string | null;
  study_time: string | null;
  study_description: string | null;
  accession_number: string | null;
  referring_physician_name: string | null;
  institution_name: string | null;
}

export interface StudyDocument extends StudyTags, PatientTags, Totals {
  _id: string;
  modalities_in_study: string[];
  number_of_series: number;
  /** When this record was last written, by the database's clock; absent on those of before 0.1.0. */
  changed_at?: Date;
  search: {
    patient_id: string;
    patient_name: string;
    study_description: string;
    accession_number: string;
    referring_physician_name: string;
  };
}

export interface SeriesTags {
  parent_study: string;
  parent_patient: string;
  series_instance_uid: string;
  modality: string | null;
  series_number: number | null;
  series_description: string | null;
  series_date: string | null;
  series_time: string | null;
  body_part_examined: string | null;
  protocol_name: string | null;
  station_name: string | null;
  manufacturer: string | null;
}

export interface SeriesDocument extends SeriesTags, Totals {
  _id: string;
  sop_class_uids: string[];
}

export interface InstanceDocument {
  _id: string;
  parent_series: string;
  parent_study: string;
  parent_patient: string;
  sop_instance_uid: string;
  sop_class_uid: string | null;
  transfer_syntax_uid: string | null;
  instance_number: number | null;
  number_of_frames: number | null;
  size_bytes: number;
  /** Orthanc's name of the stored file: a new one whenever the instance is overwritten. */
  file_uuid: string | null;
  received_at: Date | null;
  /** How it came: DicomProtocol, RestApi, Plugins, Lua, WebDav. */
  origin: string | null;
  remote_aet: string | null;
  remote_ip: string | null;
  called_aet: string | null;
}

/** A line of Orthanc's log of changes, remembered in order to know the same log again. */
export interface Anchor {
  seq: number;
  type: string;
  id: string;
  date: string;
}

/**
 * How thorough a reconciliation is: `quick` compares patients, studies and series, and instances only where the counts
 * still differ; `light` compares which instances exist too; `full` also reads every resource again.
 */
export type ReconciliationMode = 'quick' | 'light' | 'full';

/** What a comparison with Orthanc's whole inventory found and did. */
export interface Reconciliation {
  request_id: string;
  reasons: string[];
  mode: ReconciliationMode;
  requested_at: Date;
  started_at: Date;
  finished_at: Date;
  instances_in_orthanc: number;
  instances_recorded: number;
  instances_removed: number;
}

export type ReconciliationRequest = Pick<Reconciliation, 'request_id' | 'reasons' | 'mode' | 'requested_at'>;

/** The one document which says how far the deliveries are, and who does them. */
export interface StateDocument {
  _id: 'delivery';
  /** The number of the last change which is recorded for good. */
  cursor: number;
  anchors: Anchor[];
  database_identifier: string | null;
  lease_holder: string | null;
  lease_epoch: number;
  lease_expires_at: Date;
  /** The reconciliation wanted next, the one at work, and the newest finished ones, newest first. */
  pending: ReconciliationRequest | null;
  running: ReconciliationRequest | null;
  finished: Reconciliation[];
  advanced_at: Date | null;
}

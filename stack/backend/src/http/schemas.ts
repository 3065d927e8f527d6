/** The shapes of requests and answers, from which validation and the OpenAPI document both come. */
import { z } from 'zod';
import { EXPORT_FORMATS } from '../audit/export.ts';
import { normalize } from '../delivery/records.ts';
import { LONGEST_PASSWORD } from '../people/passwords.ts';
import { AUDIT_EVENTS, type AuditEvent } from '../store/audit.ts';

/** Orthanc's identifiers: SHA-1 as five groups of eight hexadecimal digits. */
export const ORTHANC_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{8}){4}$/;
/** A DICOM UID (UI): DICOM PS3.5 section 9.1. */
export const UID = /^[0-9.]{1,64}$/;

const CONTROL = /[\p{Cc}]/u;
const MAXIMUM_SEARCH_LENGTH = 256;

const plain = z
  .string()
  .min(1)
  .max(MAXIMUM_SEARCH_LENGTH)
  .refine((it) => !CONTROL.test(it), 'must not hold control characters');
const searched = plain.refine((it) => normalize(it) !== '', 'must hold something to search for');

const dicomDate = z
  .string()
  .regex(/^\d{4}-?\d{2}-?\d{2}$/, 'must be a date as YYYY-MM-DD or YYYYMMDD')
  .transform((it) => it.replaceAll('-', ''))
  .refine((it) => {
    const iso = `${it.slice(0, 4)}-${it.slice(4, 6)}-${it.slice(6)}`;
    const time = Date.parse(`${iso}T00:00:00Z`);
    return !Number.isNaN(time) && new Date(time).toISOString().startsWith(iso);
  }, 'is no day of the calendar');

const instant = z.iso.datetime({ offset: true, error: 'must be a time as 2026-01-31T08:00:00Z' });

const wholeNumber = (minimum: number, maximum: number, usual: number): z.ZodType<number> =>
  z
    .string()
    .regex(/^\d{1,9}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(minimum).max(maximum))
    .default(usual);

const paging = {
  limit: wholeNumber(1, 500, 50).describe('How many records to return, 1 to 500'),
  offset: wholeNumber(0, 10_000_000, 0).describe('How many records to leave out first'),
};
const order = z.enum(['asc', 'desc']);

export const studyQuery = z.strictObject({
  q: searched.optional().describe('Words, each found in name, identifier, accession number or description'),
  patient_name: searched.optional().describe("Words, each found in the patient's name; case and accents do not matter"),
  patient_id: searched.optional(),
  accession_number: searched.optional(),
  description: searched.optional(),
  modality: z
    .string()
    .regex(/^[A-Za-z0-9_ ]{1,16}(?:,[A-Za-z0-9_ ]{1,16}){0,15}$/, 'must be modalities such as CT or CT,MR')
    .optional(),
  sender: plain.optional().describe('AE title or address the instances came from'),
  study_date_from: dicomDate.optional(),
  study_date_to: dicomDate.optional(),
  received_from: instant.optional(),
  received_to: instant.optional(),
  sort: z
    .enum(['study_date', 'received', 'patient_name', 'patient_id', 'accession_number', 'instances'])
    .default('received'),
  order: order.default('desc'),
  ...paging,
});
export type StudyQuery = z.output<typeof studyQuery>;

export const patientQuery = z.strictObject({
  q: searched.optional(),
  patient_name: searched.optional(),
  patient_id: searched.optional(),
  sort: z.enum(['received', 'patient_name', 'patient_id', 'studies']).default('received'),
  order: order.default('desc'),
  ...paging,
});
export type PatientQuery = z.output<typeof patientQuery>;

export const pageQuery = z.strictObject(paging);
export const instanceQuery = z.strictObject({
  sop_instance_uid: z.string().regex(UID, 'must be a DICOM UID'),
  ...paging,
});

export const recordParams = z.object({
  id: z.string().refine((it) => ORTHANC_ID.test(it) || UID.test(it), "must be Orthanc's identifier or a DICOM UID"),
});
export const patientParams = z.object({ id: plain.describe("Orthanc's identifier or the PatientID") });
export const syncParams = z.object({ id: z.uuid() });

export const loginBody = z.strictObject({
  user: z.string().min(1).max(64),
  password: z.string().min(1).max(LONGEST_PASSWORD),
});
export const sessionAnswer = z.object({
  user: z.string().nullable(),
  role: z.string().nullable(),
  csrf: z.string().nullable().describe('To be sent with each change, in the header x-csrf-token'),
  expires_at: z.string().nullable().describe('UTC, ISO 8601; each use moves it on'),
});

const auditEvents = Object.keys(AUDIT_EVENTS) as [AuditEvent, ...AuditEvent[]];
export const auditQuery = z.strictObject({
  user: plain.optional(),
  event: z.enum(auditEvents).optional(),
  study_instance_uid: z.string().regex(UID, 'must be a DICOM UID').optional(),
  from: instant.optional(),
  to: instant.optional(),
  ...paging,
});
export const auditExportQuery = z.strictObject({
  format: z.enum(EXPORT_FORMATS).describe('AuditMessages of DICOM PS3.15 A.5, a table, or JSON; an entry a line'),
  from: instant.optional(),
  to: instant.optional(),
});
export const auditAnswer = z.object({
  id: z.string(),
  at: z.string().describe('UTC, ISO 8601'),
  event: z.enum(auditEvents),
  event_id: z.object({
    code: z.string(),
    coding_scheme: z.literal('DCM'),
    type: z.string().nullable(),
    meaning: z.string(),
  }),
  action: z.string().describe('EventActionCode of DICOM PS3.15 A.5.1'),
  outcome: z.number().describe('EventOutcomeIndicator: 0 success, 4 refused'),
  user: z.string(),
  role: z.string().nullable(),
  address: z.string(),
  study_instance_uid: z.string().nullable(),
  patient_id: z.string().nullable(),
});

export const webhookBody = z.object({
  id: z.string().min(1).max(128),
  event: z.string().min(1).max(64),
});
export const webhookAnswer = z.object({ ack: z.string() });

const time = z.string().nullable().describe('UTC, ISO 8601');
const textOrNull = z.string().nullable();

const totals = {
  number_of_instances: z.number(),
  size_bytes: z.number(),
  first_received_at: time,
  last_received_at: time,
  remote_aets: z.array(z.string()),
  remote_ips: z.array(z.string()),
  called_aets: z.array(z.string()),
};
const patientTags = {
  patient_id: z.string(),
  patient_name: z.string(),
  patient_birth_date: textOrNull,
  patient_sex: textOrNull,
};

export const patientAnswer = z.object({
  id: z.string(),
  ...patientTags,
  number_of_studies: z.number(),
  number_of_series: z.number(),
  ...totals,
});
export const studyAnswer = z.object({
  id: z.string(),
  parent_patient: z.string(),
  study_instance_uid: z.string(),
  study_id: textOrNull,
  study_date: textOrNull,
  study_time: textOrNull,
  study_description: textOrNull,
  accession_number: textOrNull,
  referring_physician_name: textOrNull,
  institution_name: textOrNull,
  ...patientTags,
  modalities_in_study: z.array(z.string()),
  number_of_series: z.number(),
  is_stable: z.boolean().describe('No instance came for a while; more may still come'),
  ...totals,
});
export const seriesAnswer = z.object({
  id: z.string(),
  parent_study: z.string(),
  parent_patient: z.string(),
  series_instance_uid: z.string(),
  modality: textOrNull,
  series_number: z.number().nullable(),
  series_description: textOrNull,
  series_date: textOrNull,
  series_time: textOrNull,
  body_part_examined: textOrNull,
  protocol_name: textOrNull,
  station_name: textOrNull,
  manufacturer: textOrNull,
  sop_class_uids: z.array(z.string()),
  ...totals,
});
export const instanceAnswer = z.object({
  id: z.string(),
  parent_series: z.string(),
  parent_study: z.string(),
  parent_patient: z.string(),
  sop_instance_uid: z.string(),
  sop_class_uid: textOrNull,
  transfer_syntax_uid: textOrNull,
  instance_number: z.number().nullable(),
  number_of_frames: z.number().nullable(),
  size_bytes: z.number(),
  received_at: time,
  origin: textOrNull,
  remote_aet: textOrNull,
  remote_ip: textOrNull,
  called_aet: textOrNull,
});

/** A page of a list. */
export function pageOf<T extends z.ZodType>(
  item: T,
): z.ZodObject<{
  total: z.ZodNumber;
  limit: z.ZodNumber;
  offset: z.ZodNumber;
  items: z.ZodArray<T>;
}> {
  return z.object({ total: z.number(), limit: z.number(), offset: z.number(), items: z.array(item) });
}

const mode = z.enum(['quick', 'light', 'full']);
export const reconciliationAnswer = z.object({
  request_id: z.string(),
  state: z.enum(['pending', 'running', 'finished']),
  mode,
  reasons: z.array(z.string()),
  requested_at: time,
  started_at: time,
  finished_at: time,
  instances_in_orthanc: z.number().nullable(),
  instances_recorded: z.number().nullable(),
  instances_removed: z.number().nullable(),
});
export type ReconciliationAnswer = z.output<typeof reconciliationAnswer>;

const estimated = z
  .number()
  .nullable()
  .describe(
    'Of the statistics of the database, exact, but after MongoDB was not stopped in order they may ' +
      'differ by what was written in its last minute, until `validate` is run on the collection',
  );
export const statusAnswer = z.object({
  environment: z.object({ name: z.string(), kind: z.string() }),
  version: z.string(),
  node_version: z.string(),
  ready: z.boolean(),
  problems: z.array(z.string()),
  worker: z.object({
    role: z.enum(['leader', 'standby', 'starting', 'stopped']),
    heartbeat_at: time,
    last_round_at: time,
    failures_in_a_row: z.number(),
    last_error: z.object({ at: time, source: z.string(), kind: z.string(), message: z.string() }).nullable(),
  }),
  delivery: z.object({
    cursor: z.number().nullable(),
    orthanc_last_seq: z.number().nullable(),
    backlog: z.number(),
    oldest_undelivered_seconds: z.number().nullable(),
    advanced_at: time,
    last_reconciliation: reconciliationAnswer.nullable(),
    current_reconciliation: reconciliationAnswer.nullable(),
  }),
  orthanc: z.object({
    reachable: z.boolean(),
    last_answer_at: time,
    name: textOrNull,
    version: textOrNull,
    dicom_aet: textOrNull,
    database_version: z.number().nullable(),
    database_identifier: textOrNull,
    database_fingerprint: z
      .object({ seq: z.number(), type: z.string(), id: z.string(), date: z.string() })
      .nullable()
      .describe("The change at the cursor: what tells Orthanc's database from another"),
  }),
  database: z.object({
    reachable: z.boolean(),
    version: textOrNull,
    patients: estimated,
    studies: estimated,
    series: estimated,
    instances: estimated,
  }),
});
export type StatusAnswer = z.output<typeof statusAnswer>;

export const readyAnswer = z.object({ ready: z.boolean(), problems: z.array(z.string()) });

/** The connection to the MongoDB-compatible database, its collections, indexes and validators. */
import { MongoClient, type Collection, type Db, type Document, type IndexSpecification } from 'mongodb';
import type { Config } from '../config.ts';
import type { ArrivalsDocument, JobDocument, ResultDocument } from '../analysis/documents.ts';
import type { RemovalDocument } from '../catalogue/removals.ts';
import { REMEMBERED_SECONDS } from '../catalogue/removals.ts';
import type { AttemptsDocument } from '../people/attempts.ts';
import type { SessionDocument } from '../people/sessions.ts';
import type {
  ConflictDocument,
  OutboxDocument,
  PresenceDocument,
  ReportDocument,
  VersionDocument,
} from '../reports/model.ts';
import type { VerificationDocument } from '../status/verification.ts';
import type { AuditDocument } from './audit.ts';
import { reachOptions, uriOf } from './connection.ts';
import type { InstanceDocument, PatientDocument, SeriesDocument, StateDocument, StudyDocument } from './documents.ts';

/** The collections, each with its records' type. */
export interface Store {
  readonly client: MongoClient;
  readonly db: Db;
  readonly patients: Collection<PatientDocument>;
  readonly studies: Collection<StudyDocument>;
  readonly series: Collection<SeriesDocument>;
  readonly instances: Collection<InstanceDocument>;
  /** Of studies. */
  readonly removals: Collection<RemovalDocument>;
  readonly state: Collection<StateDocument>;
  readonly sessions: Collection<SessionDocument>;
  readonly attempts: Collection<AttemptsDocument>;
  readonly audit: Collection<AuditDocument>;
  readonly analysisJobs: Collection<JobDocument>;
  readonly analysisResults: Collection<ResultDocument>;
  readonly analysisArrivals: Collection<ArrivalsDocument>;
  readonly reports: Collection<ReportDocument>;
  readonly reportVersions: Collection<VersionDocument>;
  readonly draftConflicts: Collection<ConflictDocument>;
  readonly reportPresence: Collection<PresenceDocument>;
  readonly reportOutbox: Collection<OutboxDocument>;
  readonly verification: Collection<VerificationDocument>;
}

/**
 * Makes the store. Connects at the first call, not here, so a database which is down does not stop the start.
 *
 * Writes wait for the journal of the majority: without it SecantusDB loses acknowledged writes when it is killed.
 */
export function openStore(config: Config['database']): Store {
  const client = new MongoClient(uriOf(config), {
    ...(config.username === null
      ? {}
      : {
          auth: { username: config.username, password: config.password ?? '' },
          authSource: config.authSource ?? config.name,
        }),
    ...reachOptions(config, config.directConnection),
    appName: 'orthancgen-backend',
    writeConcern: { w: 'majority', journal: true },
    readPreference: 'primary',
    connectTimeoutMS: 3_000,
    socketTimeoutMS: 30_000,
    maxPoolSize: 8,
  });
  const db = client.db(config.name);
  return {
    client,
    db,
    patients: db.collection('patients'),
    studies: db.collection('studies'),
    series: db.collection('series'),
    instances: db.collection('instances'),
    removals: db.collection('removals'),
    state: db.collection('state'),
    sessions: db.collection('sessions'),
    attempts: db.collection('attempts'),
    audit: db.collection('audit'),
    analysisJobs: db.collection('analysis_jobs'),
    analysisResults: db.collection('analysis_results'),
    analysisArrivals: db.collection('analysis_arrivals'),
    reports: db.collection('reports'),
    reportVersions: db.collection('report_versions'),
    draftConflicts: db.collection('draft_conflicts'),
    reportPresence: db.collection('report_presence'),
    reportOutbox: db.collection('report_outbox'),
    verification: db.collection('verification'),
  };
}

/**
 * The indexes of each collection: the DICOM identifiers looked up by, the parents, and the order of the lists.
 *
 * No UID is unique: Orthanc's identifiers hash PatientID too, so one SOPInstanceUID may stand under two patients.
 */
export const INDEXES: Readonly<Record<'patients' | 'studies' | 'series' | 'instances', readonly IndexSpecification[]>> =
  {
    patients: [{ patient_id: 1 }, { last_received_at: -1, _id: 1 }],
    studies: [
      { study_instance_uid: 1 },
      { parent_patient: 1 },
      { study_date: -1, _id: 1 },
      { last_received_at: -1, _id: 1 },
      { accession_number: 1 },
      { changed_at: 1 },
    ],
    series: [{ series_instance_uid: 1 }, { parent_study: 1 }],
    instances: [{ sop_instance_uid: 1 }, { parent_series: 1 }],
  };

const text = { bsonType: 'string' };
const textOrNull = { bsonType: ['string', 'null'] };
const count = { bsonType: ['int', 'long', 'double'], minimum: 0 };
const totals = { number_of_instances: count, size_bytes: count };

/** The indexes of what is no record of Orthanc; a `TTL` one lets the database forget what has ended. */
const OTHER_INDEXES: readonly (readonly [string, Record<string, 1 | -1>, { expireAfterSeconds?: number }])[] = [
  ['removals', { at: 1 }, { expireAfterSeconds: REMEMBERED_SECONDS }],
  ['sessions', { expires_at: 1 }, { expireAfterSeconds: 0 }],
  ['attempts', { expires_at: 1 }, { expireAfterSeconds: 0 }],
  ['audit', { at: -1 }, {}],
  ['audit', { study_instance_uid: 1, at: -1 }, {}],
  ['audit', { user: 1, at: -1 }, {}],
  ['analysis_jobs', { provider: 1, state: 1, run_after: 1 }, {}],
  ['analysis_jobs', { study: 1, updated_at: -1 }, {}],
  ['analysis_jobs', { updated_at: -1 }, {}],
  ['analysis_jobs', { state: 1, updated_at: -1 }, {}],
  ['analysis_results', { study: 1, at: -1 }, {}],
  ['reports', { study_id: 1, created_at: -1 }, {}],
  ['report_versions', { report_id: 1, version: -1 }, {}],
  ['draft_conflicts', { report_id: 1, resolved_at: 1, at: 1 }, {}],
  ['report_presence', { report_id: 1, at: 1 }, {}],
  ['report_presence', { expires_at: 1 }, { expireAfterSeconds: 0 }],
  ['report_outbox', { state: 1, next_at: 1 }, {}],
];

/** The least each record must be, enforced by the database itself. */
export const VALIDATORS: Readonly<Record<keyof typeof INDEXES, Document>> = {
  patients: object({ patient_id: text, patient_name: text, ...totals }),
  studies: object({ parent_patient: text, study_instance_uid: text, study_date: textOrNull, ...totals }),
  series: object({
    parent_study: text,
    parent_patient: text,
    series_instance_uid: text,
    modality: textOrNull,
    ...totals,
  }),
  instances: object({
    parent_series: text,
    parent_study: text,
    parent_patient: text,
    sop_instance_uid: text,
    size_bytes: count,
  }),
};

function object(properties: Record<string, Document>): Document {
  return { $jsonSchema: { bsonType: 'object', required: Object.keys(properties), properties } };
}

/** Creates what is missing of collections, validators and indexes. May be called again at any time. */
export async function prepareStore(store: Store): Promise<void> {
  // A driver whose first connection failed stays closed for every call but this one.
  await store.client.connect();
  const present = new Set((await store.db.listCollections({}, { nameOnly: true }).toArray()).map((it) => it.name));
  for (const [name, indexes] of Object.entries(INDEXES) as [keyof typeof INDEXES, readonly IndexSpecification[]][]) {
    if (present.has(name)) await store.db.command({ collMod: name, validator: VALIDATORS[name] });
    else await createCollection(store.db, name);
    for (const keys of indexes) await store.db.collection(name).createIndex(keys);
  }
  for (const [name, keys, options] of OTHER_INDEXES) {
    await store.db.collection(name).createIndexes([{ ...options, key: keys }]);
  }
}

const NAMESPACE_EXISTS = 48;

async function createCollection(db: Db, name: keyof typeof INDEXES): Promise<void> {
  try {
    await db.createCollection(name, { validator: VALIDATORS[name] });
  } catch (error) {
    // Another backend may have been first.
    if ((error as { code?: number }).code !== NAMESPACE_EXISTS) throw error;
  }
}

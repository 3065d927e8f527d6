/**
 * The audit trail: who did what with whose images, from where, and whether it was allowed.
 *
 * Shaped after the audit messages of IHE ATNA (DICOM PS3.15 annex A.5): an event with its code of PS3.16 CID 400 and
 * 401, who took part, and the objects by their identifiers. It is written, read and exported, and changed by nobody.
 */
import { ObjectId, type Collection, type Filter } from 'mongodb';

/** Event -> its code and type of DCM (PS3.16), and what is done: create, read, update, delete, execute. */
export const AUDIT_EVENTS = {
  login: { code: '110114', type: '110122', action: 'E', meaning: 'Login' },
  logout: { code: '110114', type: '110123', action: 'E', meaning: 'Logout' },
  study_opened: { code: '110103', type: null, action: 'R', meaning: 'DICOM Instances Accessed' },
  report_created: { code: '110110', type: null, action: 'C', meaning: 'Patient Record' },
  report_read: { code: '110110', type: null, action: 'R', meaning: 'Patient Record' },
  report_preliminary: { code: '110110', type: null, action: 'U', meaning: 'Patient Record' },
  report_signed: { code: '110110', type: null, action: 'U', meaning: 'Patient Record' },
  report_amended: { code: '110110', type: null, action: 'U', meaning: 'Patient Record' },
  analysis_requested: { code: '110103', type: null, action: 'R', meaning: 'DICOM Instances Accessed' },
  audit_read: { code: '110101', type: null, action: 'R', meaning: 'Audit Log Used' },
  audit_exported: { code: '110101', type: null, action: 'R', meaning: 'Audit Log Used' },
} as const;
export type AuditEvent = keyof typeof AUDIT_EVENTS;

/** EventOutcomeIndicator of PS3.15 A.5.1: success, minor failure (refused). */
export const OUTCOMES = { success: 0, refused: 4 } as const;

export interface AuditDocument {
  _id: ObjectId;
  at: Date;
  event: AuditEvent;
  outcome: keyof typeof OUTCOMES;
  user: string;
  role: string | null;
  address: string;
  study_instance_uid: string | null;
  patient_id: string | null;
}

export type AuditEntry = Omit<AuditDocument, '_id' | 'at' | 'study_instance_uid' | 'patient_id'> &
  Partial<Pick<AuditDocument, 'study_instance_uid' | 'patient_id'>>;

/** Writes an entry. @throws MongoError: what cannot be written down is not done. */
export async function writeAudit(trail: Collection<AuditDocument>, entry: AuditEntry, at: Date): Promise<void> {
  await trail.insertOne({ _id: new ObjectId(), at, study_instance_uid: null, patient_id: null, ...entry });
}

export interface AuditQuery {
  readonly user?: string | undefined;
  readonly event?: AuditEvent | undefined;
  readonly study_instance_uid?: string | undefined;
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
}

/** The entries which a query asks for. */
export function auditFilter({ user, event, study_instance_uid, from, to }: AuditQuery): Filter<AuditDocument> {
  const at = { ...(from === undefined ? {} : { $gte: from }), ...(to === undefined ? {} : { $lte: to }) };
  return {
    ...(user === undefined ? {} : { user: { $eq: user } }),
    ...(event === undefined ? {} : { event }),
    ...(study_instance_uid === undefined ? {} : { study_instance_uid: { $eq: study_instance_uid } }),
    ...(Object.keys(at).length === 0 ? {} : { at }),
  };
}

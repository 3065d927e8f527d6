/** What a list is searched, filtered and sorted by, of each study and patient: a few hundred bytes of a record. */
import type { StudyDocument } from '../store/documents.ts';
import type { Compare, Row } from './sorted.ts';

/** What is read of a study's record. */
export const FIELDS = {
  parent_patient: 1,
  study_date: 1,
  last_received_at: 1,
  changed_at: 1,
  number_of_instances: 1,
  modalities_in_study: 1,
  remote_aets: 1,
  remote_ips: 1,
  'search.patient_id': 1,
  'search.patient_name': 1,
  'search.accession_number': 1,
  'search.study_description': 1,
} as const;

export type ListedStudy = Pick<
  StudyDocument,
  | '_id'
  | 'parent_patient'
  | 'study_date'
  | 'last_received_at'
  | 'changed_at'
  | 'number_of_instances'
  | 'modalities_in_study'
  | 'remote_aets'
  | 'remote_ips'
> & { search: Omit<StudyDocument['search'], 'referring_physician_name'> };

/** Times are milliseconds since 1970. What is unknown is less than everything else, as null is to the database. */
export interface StudyRow extends Row {
  readonly patient: string;
  readonly studyDate: string;
  readonly receivedAt: number;
  readonly changedAt: number;
  readonly instances: number;
  readonly modalities: readonly string[];
  readonly aets: readonly string[];
  readonly addresses: readonly string[];
  readonly patientId: string;
  readonly patientName: string;
  readonly accessionNumber: string;
  readonly description: string;
  /** All four, a line each: no word that is searched for has the end of a line in it. */
  readonly everything: string;
}

export interface PatientRow extends Row {
  readonly patientId: string;
  readonly patientName: string;
  readonly receivedAt: number;
  readonly studies: number;
}

export const UNKNOWN_TIME = -Infinity;
export const UNKNOWN_DATE = '';

/** Keeps one copy of what many records say alike. */
export class Shared {
  static readonly #MOST = 50_000;
  readonly #texts = new Map<string, string>();
  readonly #lists = new Map<string, readonly string[]>();

  text(value: string): string {
    return this.#one(this.#texts, value, value);
  }

  list(values: readonly string[]): readonly string[] {
    return this.#one(this.#lists, values.join('\0'), values);
  }

  #one<T>(known: Map<string, T>, key: string, value: T): T {
    const found = known.get(key);
    if (found !== undefined) return found;
    if (known.size >= Shared.#MOST) known.clear();
    known.set(key, value);
    return value;
  }
}

export function studyRow(it: ListedStudy, shared: Shared): StudyRow {
  const { patient_id, patient_name, accession_number, study_description } = it.search;
  return {
    id: it._id,
    gone: false,
    patient: shared.text(it.parent_patient),
    studyDate: shared.text(it.study_date ?? UNKNOWN_DATE),
    receivedAt: it.last_received_at?.getTime() ?? UNKNOWN_TIME,
    changedAt: it.changed_at?.getTime() ?? UNKNOWN_TIME,
    instances: it.number_of_instances,
    modalities: shared.list(it.modalities_in_study),
    aets: shared.list(it.remote_aets),
    addresses: shared.list(it.remote_ips),
    patientId: shared.text(patient_id),
    patientName: shared.text(patient_name),
    accessionNumber: accession_number,
    description: shared.text(study_description),
    everything: [patient_name, patient_id, accession_number, study_description].join('\n'),
  };
}

/** A patient, from the studies there are of it: Orthanc gives them all the patient's own tags. */
export function patientRow(id: string, studies: ReadonlySet<StudyRow>): PatientRow | null {
  let receivedAt = UNKNOWN_TIME;
  let any: StudyRow | null = null;
  for (const it of studies) {
    any ??= it;
    if (it.receivedAt > receivedAt) receivedAt = it.receivedAt;
  }
  if (any === null) return null;
  const { patientId, patientName } = any;
  return { id, gone: false, patientId, patientName, receivedAt, studies: studies.size };
}

/** The greatest first; alike ones by identifier. Read from its end it is the ascending order. */
export function descending<R extends Row>(key: (row: R) => string | number): Compare<R> {
  return (a, b) => {
    const [left, right] = [key(a), key(b)];
    if (left !== right) return left > right ? -1 : 1;
    return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
  };
}

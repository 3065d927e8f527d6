/** Queries as tests of rows: the same questions, with the same answers, as the filters of store/search.ts. */
import type { PatientQuery, StudyQuery } from '../http/schemas.ts';
import { modalitiesOf, searchWords } from '../store/search.ts';
import { UNKNOWN_DATE, UNKNOWN_TIME, type PatientRow, type StudyRow } from './rows.ts';

export type Test<R> = (row: R) => boolean;

const everyWord = <R>(text: string | undefined, found: (row: R, word: string) => boolean): Test<R>[] =>
  text === undefined ? [] : searchWords(text).map((word) => (row: R) => found(row, word));

/** Whether any of what is listed is wanted. */
const some = (there: readonly string[], wanted: ReadonlySet<string>): boolean => there.some((it) => wanted.has(it));

/** The cheapest tests first; none where everything is asked for. */
export function studyTests(query: StudyQuery): Test<StudyRow>[] {
  const { modality, sender, study_date_from: dateFrom, study_date_to: dateTo } = query;
  const tests: Test<StudyRow>[] = [];
  if (dateFrom !== undefined || dateTo !== undefined) {
    const [from, to] = [dateFrom ?? '', dateTo ?? '\uffff'];
    tests.push(({ studyDate: it }) => it !== UNKNOWN_DATE && it >= from && it <= to);
  }
  if (query.received_from !== undefined || query.received_to !== undefined) {
    const from = query.received_from === undefined ? -Infinity : Date.parse(query.received_from);
    const to = query.received_to === undefined ? Infinity : Date.parse(query.received_to);
    tests.push(({ receivedAt: it }) => it !== UNKNOWN_TIME && it >= from && it <= to);
  }
  if (modality !== undefined) {
    const wanted = new Set(modalitiesOf(modality));
    tests.push(({ modalities }) => some(modalities, wanted));
  }
  if (sender !== undefined) {
    const wanted = new Set([sender, sender.toUpperCase()]);
    tests.push(({ aets, addresses }) => some(aets, wanted) || addresses.includes(sender));
  }
  return [
    ...tests,
    ...everyWord<StudyRow>(query.patient_id, (it, word) => it.patientId.includes(word)),
    ...everyWord<StudyRow>(query.accession_number, (it, word) => it.accessionNumber.includes(word)),
    ...everyWord<StudyRow>(query.patient_name, (it, word) => it.patientName.includes(word)),
    ...everyWord<StudyRow>(query.description, (it, word) => it.description.includes(word)),
    ...everyWord<StudyRow>(query.q, (it, word) => it.everything.includes(word)),
  ];
}

export function patientTests(query: PatientQuery): Test<PatientRow>[] {
  return [
    ...everyWord<PatientRow>(query.patient_id, (it, word) => it.patientId.includes(word)),
    ...everyWord<PatientRow>(query.patient_name, (it, word) => it.patientName.includes(word)),
    ...everyWord<PatientRow>(query.q, (it, word) => it.patientName.includes(word) || it.patientId.includes(word)),
  ];
}

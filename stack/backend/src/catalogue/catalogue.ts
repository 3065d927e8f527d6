/**
 * The studies and patients in memory, as far as lists are searched and sorted by them: no database, no clock.
 *
 * A search looks at every row, so that a word is found anywhere in a text and the total is exact, on any database.
 */
import { setImmediate as others } from 'node:timers/promises';
import type { PatientQuery, StudyQuery } from '../http/schemas.ts';
import { patientTests, studyTests, type Test } from './matching.ts';
import { descending, patientRow, Shared, studyRow, type ListedStudy, type PatientRow, type StudyRow } from './rows.ts';
import { Sorted, type Row } from './sorted.ts';

/** How many match, and Orthanc's identifiers of those that are shown, in their order. */
export interface Found {
  readonly total: number;
  readonly ids: readonly string[];
}

/** So many rows are looked at before other requests have their turn. */
const ROWS_IN_A_ROW = 25_000;

const STUDY_KEYS: Readonly<Record<StudyQuery['sort'], (row: StudyRow) => string | number>> = {
  study_date: (it) => it.studyDate,
  received: (it) => it.receivedAt,
  patient_name: (it) => it.patientName,
  patient_id: (it) => it.patientId,
  accession_number: (it) => it.accessionNumber,
  instances: (it) => it.instances,
};

const PATIENT_KEYS: Readonly<Record<PatientQuery['sort'], (row: PatientRow) => string | number>> = {
  received: (it) => it.receivedAt,
  patient_name: (it) => it.patientName,
  patient_id: (it) => it.patientId,
  studies: (it) => it.studies,
};

/** Rows in each order they can be asked for. */
class Orders<Key extends string, R extends Row> {
  readonly #orders: ReadonlyMap<string, Sorted<R>>;

  constructor(keys: Readonly<Record<Key, (row: R) => string | number>>) {
    const entries = Object.entries(keys) as [Key, (row: R) => string | number][];
    this.#orders = new Map(entries.map(([name, key]) => [name, new Sorted<R>(descending(key))]));
  }

  replace(before: R | undefined, after: R | null): void {
    if (before !== undefined) before.gone = true;
    for (const it of this.#orders.values()) {
      if (before !== undefined) it.noteGone();
      if (after !== null) it.add(after);
    }
  }

  of(key: Key): readonly R[] {
    return this.#orders.get(key)?.rows ?? [];
  }
}

export class Catalogue {
  readonly #shared = new Shared();
  readonly #studies = new Map<string, StudyRow>();
  readonly #patients = new Map<string, PatientRow>();
  readonly #studiesOf = new Map<string, Set<StudyRow>>();
  readonly #studyOrders = new Orders(STUDY_KEYS);
  readonly #patientOrders = new Orders(PATIENT_KEYS);

  /** How many studies there are. */
  get size(): number {
    return this.#studies.size;
  }

  has(study: string): boolean {
    return this.#studies.has(study);
  }

  /** Takes in what was written and forgets what was removed. Returns the identifiers that were news. */
  apply(written: readonly ListedStudy[], removed: readonly string[]): string[] {
    const patients = new Set<string>();
    const news: string[] = [];
    for (const it of written) {
      const before = this.#studies.get(it._id);
      if (before !== undefined && before.changedAt === it.changed_at?.getTime()) continue;
      this.#replace(it._id, before, studyRow(it, this.#shared), patients);
      news.push(it._id);
    }
    for (const id of removed) {
      const before = this.#studies.get(id);
      if (before === undefined) continue;
      this.#replace(id, before, null, patients);
      news.push(id);
    }
    for (const id of patients) this.#derive(id);
    return news;
  }

  async studies(query: StudyQuery): Promise<Found> {
    return look(this.#studyOrders.of(query.sort), studyTests(query), query);
  }

  async patients(query: PatientQuery): Promise<Found> {
    return look(this.#patientOrders.of(query.sort), patientTests(query), query);
  }

  #replace(id: string, before: StudyRow | undefined, after: StudyRow | null, patients: Set<string>): void {
    this.#studyOrders.replace(before, after);
    if (before !== undefined) {
      this.#studiesOf.get(before.patient)?.delete(before);
      patients.add(before.patient);
    }
    if (after === null) {
      this.#studies.delete(id);
      return;
    }
    this.#studies.set(id, after);
    patients.add(after.patient);
    const siblings = this.#studiesOf.get(after.patient);
    if (siblings === undefined) this.#studiesOf.set(after.patient, new Set([after]));
    else siblings.add(after);
  }

  #derive(patient: string): void {
    const after = patientRow(patient, this.#studiesOf.get(patient) ?? new Set());
    this.#patientOrders.replace(this.#patients.get(patient), after);
    if (after !== null) {
      this.#patients.set(patient, after);
      return;
    }
    this.#patients.delete(patient);
    this.#studiesOf.delete(patient);
  }
}

interface Paging {
  readonly order: 'asc' | 'desc';
  readonly limit: number;
  readonly offset: number;
}

/** @param rows in descending order, of one moment */
async function look<R extends Row>(
  rows: readonly R[],
  tests: readonly Test<R>[],
  { order, limit, offset }: Paging,
): Promise<Found> {
  const { length } = rows;
  const at = (index: number): R | undefined => rows[order === 'desc' ? index : length - 1 - index];
  const ids: string[] = [];
  if (tests.length === 0) {
    for (let index = offset; index < Math.min(offset + limit, length); index += 1) ids.push(at(index)?.id ?? '');
    return { total: length, ids };
  }
  let total = 0;
  for (let index = 0; index < length; index += 1) {
    if (index > 0 && index % ROWS_IN_A_ROW === 0) await others();
    const row = at(index);
    if (row === undefined || !passes(row, tests)) continue;
    if (total >= offset && ids.length < limit) ids.push(row.id);
    total += 1;
  }
  return { total, ids };
}

function passes<R>(row: R, tests: readonly Test<R>[]): boolean {
  for (const test of tests) if (!test(row)) return false;
  return true;
}

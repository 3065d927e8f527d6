/** Queries as database filters: pure functions, in which a caller's text is only ever text. */
import type { Filter, Sort } from 'mongodb';
import { normalize } from '../delivery/records.ts';
import type { PatientQuery, StudyQuery } from '../http/schemas.ts';
import type { PatientDocument, StudyDocument } from './documents.ts';

/** Further words of a search are left out. */
const MAXIMUM_WORDS = 8;

/** Text as a regular expression which matches that text alone. */
export function escapeRegex(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}

type Condition = Record<string, unknown>;

/** The words a caller's text asks for, each to be found anywhere in a field. */
export function searchWords(text: string): string[] {
  return normalize(text)
    .split(' ')
    .filter((it) => it !== '')
    .slice(0, MAXIMUM_WORDS);
}

/** `ct,MR` as `CT`, `MR`. */
export function modalitiesOf(text: string): string[] {
  return text.split(',').map((it) => it.trim().toUpperCase());
}

/** Each word must be found in one of the fields. */
function words(text: string, fields: readonly string[]): Condition[] {
  return searchWords(text).map((term) => {
    const found = fields.map((field): Condition => ({ [field]: { $regex: escapeRegex(term) } }));
    return found.length === 1 && found[0] !== undefined ? found[0] : { $or: found };
  });
}

function all(conditions: readonly Condition[]): Condition {
  return conditions.length === 0 ? {} : { $and: conditions };
}

function range(field: string, from: unknown, to: unknown): Condition[] {
  if (from === undefined && to === undefined) return [];
  return [{ [field]: { ...(from === undefined ? {} : { $gte: from }), ...(to === undefined ? {} : { $lte: to }) } }];
}

const dateOf = (text: string | undefined): Date | undefined => (text === undefined ? undefined : new Date(text));

/** The studies a query asks for. */
export function studyFilter(query: StudyQuery): Filter<StudyDocument> {
  const { q, patient_name, patient_id, accession_number, description, modality, sender } = query;
  const everywhere = [
    'search.patient_name',
    'search.patient_id',
    'search.accession_number',
    'search.study_description',
  ];
  return all([
    ...(q === undefined ? [] : words(q, everywhere)),
    ...(patient_name === undefined ? [] : words(patient_name, ['search.patient_name'])),
    ...(patient_id === undefined ? [] : words(patient_id, ['search.patient_id'])),
    ...(accession_number === undefined ? [] : words(accession_number, ['search.accession_number'])),
    ...(description === undefined ? [] : words(description, ['search.study_description'])),
    ...(modality === undefined ? [] : [{ modalities_in_study: { $in: modalitiesOf(modality) } }]),
    ...(sender === undefined
      ? []
      : [{ $or: [{ remote_aets: { $in: [sender, sender.toUpperCase()] } }, { remote_ips: { $in: [sender] } }] }]),
    ...range('study_date', query.study_date_from, query.study_date_to),
    ...range('last_received_at', dateOf(query.received_from), dateOf(query.received_to)),
  ]);
}

/** The patients a query asks for. */
export function patientFilter(query: PatientQuery): Filter<PatientDocument> {
  const { q, patient_name, patient_id } = query;
  return all([
    ...(q === undefined ? [] : words(q, ['search.patient_name', 'search.patient_id'])),
    ...(patient_name === undefined ? [] : words(patient_name, ['search.patient_name'])),
    ...(patient_id === undefined ? [] : words(patient_id, ['search.patient_id'])),
  ]);
}

const STUDY_SORT: Readonly<Record<StudyQuery['sort'], string>> = {
  study_date: 'study_date',
  received: 'last_received_at',
  patient_name: 'search.patient_name',
  patient_id: 'search.patient_id',
  accession_number: 'search.accession_number',
  instances: 'number_of_instances',
};

const PATIENT_SORT: Readonly<Record<PatientQuery['sort'], string>> = {
  received: 'last_received_at',
  patient_name: 'search.patient_name',
  patient_id: 'search.patient_id',
  studies: 'number_of_studies',
};

/**
 * The order of a list; records alike in it follow each other by identifier, so that pages never overlap. The ascending
 * order is the descending one from its end: one index `{field: -1, _id: 1}` serves both.
 */
export function studySort(query: StudyQuery): Sort {
  return sortBy(STUDY_SORT[query.sort], query.order);
}

export function patientSort(query: PatientQuery): Sort {
  return sortBy(PATIENT_SORT[query.sort], query.order);
}

function sortBy(field: string, order: 'asc' | 'desc'): Sort {
  return order === 'asc' ? { [field]: 1, _id: -1 } : { [field]: -1, _id: 1 };
}

/** Records as answers: without the search fields, dates as text. */
import type { z } from 'zod';
import type {
  InstanceDocument,
  PatientDocument,
  Reconciliation,
  ReconciliationRequest,
  SeriesDocument,
  StudyDocument,
} from '../store/documents.ts';
import type { instanceAnswer, patientAnswer, ReconciliationAnswer, seriesAnswer, studyAnswer } from './schemas.ts';

export const iso = (date: Date | null | undefined): string | null => date?.toISOString() ?? null;

interface Times<T> {
  first_received_at: T;
  last_received_at: T;
}

const times = (it: Times<Date | null>): Times<string | null> => ({
  first_received_at: iso(it.first_received_at),
  last_received_at: iso(it.last_received_at),
});

export function presentPatient({ _id, search: _, ...rest }: PatientDocument): z.output<typeof patientAnswer> {
  return { id: _id, ...rest, ...times(rest) };
}

/** @param stableSeconds how long no instance must have come for the study to be stable */
export function presentStudy(
  { _id, search: _, changed_at: __, ...rest }: StudyDocument,
  now: Date,
  stableSeconds: number,
): z.output<typeof studyAnswer> {
  const quiet = rest.last_received_at === null ? Infinity : (now.getTime() - rest.last_received_at.getTime()) / 1000;
  return { id: _id, ...rest, ...times(rest), is_stable: quiet >= stableSeconds };
}

export function presentSeries({ _id, ...rest }: SeriesDocument): z.output<typeof seriesAnswer> {
  return { id: _id, ...rest, ...times(rest) };
}

export function presentInstance({ _id, file_uuid: _, ...rest }: InstanceDocument): z.output<typeof instanceAnswer> {
  return { id: _id, ...rest, received_at: iso(rest.received_at) };
}

export function presentRequest(it: ReconciliationRequest, state: 'pending' | 'running'): ReconciliationAnswer {
  return {
    request_id: it.request_id,
    state,
    mode: it.mode,
    reasons: it.reasons,
    requested_at: iso(it.requested_at),
    started_at: null,
    finished_at: null,
    instances_in_orthanc: null,
    instances_recorded: null,
    instances_removed: null,
  };
}

export function presentReconciliation(it: Reconciliation): ReconciliationAnswer {
  return {
    ...it,
    state: 'finished',
    requested_at: iso(it.requested_at),
    started_at: iso(it.started_at),
    finished_at: iso(it.finished_at),
  };
}

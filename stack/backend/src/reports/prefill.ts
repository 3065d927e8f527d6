/** What a new report says already: values which nobody typed, each with its origin and to be confirmed. */
import type { SeriesDocument, StudyDocument } from '../store/documents.ts';
import type { FieldValue, Origin } from './model.ts';
import { fieldsOf, violationOf, type Prefill, type Template } from './templates.ts';

/** A value for a field of the template, by the field's identifier. */
export interface Prefilled {
  readonly field: string;
  readonly value: string;
  readonly origin: Origin;
}

/** Gives values from elsewhere: measurements, results of an analysis. */
export type PrefillSource = (study: StudyDocument, template: Template) => Promise<readonly Prefilled[]>;

const LONGEST = 2_000;
const MOST_SERIES = 20;

const printable = (text: string): string => text.replace(/[^\P{Cc}\n]|\p{Cs}/gu, ' ').trim();
const day = (date: string | null): string =>
  date !== null && /^\d{8}$/.test(date) ? `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}` : (date ?? '');

function fromMetadata(
  kind: Prefill,
  study: StudyDocument,
  series: readonly SeriesDocument[],
): { value: string; source: string } {
  if (kind === 'examination') {
    const what = [study.modalities_in_study.join(', '), study.study_description ?? '', day(study.study_date)];
    return {
      value: what.filter((it) => it !== '').join(', '),
      source: 'ModalitiesInStudy, StudyDescription, StudyDate',
    };
  }
  const names = series.map((it) => [it.modality, it.series_description ?? it.protocol_name].filter(Boolean).join(' '));
  const distinct = [...new Set(names)].filter((it) => it !== '');
  const shown = distinct.slice(0, MOST_SERIES).join('; ') + (distinct.length > MOST_SERIES ? '; …' : '');
  return { value: shown, source: 'Modality, SeriesDescription, ProtocolName' };
}

/** What sources give for fields of a template, as it may stand there. */
export function suitable(template: Template, others: readonly Prefilled[]): Prefilled[] {
  return fieldsOf(template).flatMap((field): Prefilled[] => {
    const other = others.find((it) => it.field === field.id);
    const value = printable((other?.value ?? '').slice(0, LONGEST));
    return other === undefined || value === '' || violationOf(field, value) !== null ? [] : [{ ...other, value }];
  });
}

/** The fields of a new report at its first revision. What a source gives comes before what the metadata say. */
export function prefill(
  template: Template,
  study: StudyDocument,
  series: readonly SeriesDocument[],
  others: readonly Prefilled[],
): Record<string, FieldValue> {
  const fields: Record<string, FieldValue> = {};
  for (const field of fieldsOf(template)) {
    const other = others.find((it) => it.field === field.id);
    const own = field.prefill === null ? null : fromMetadata(field.prefill, study, series);
    const found: Omit<Prefilled, 'field'> | null =
      other ?? (own === null ? null : { value: own.value, origin: { kind: 'metadata', source: own.source } });
    const value = printable((found?.value ?? '').slice(0, LONGEST));
    if (found === null || value === '' || violationOf(field, value) !== null) continue;
    const { origin } = found;
    const blank = { confirmed: false, by: null, at: null, revision: 1, editor: null, sequence: 0 };
    fields[field.id] = { value, origin, ...blank };
  }
  return fields;
}

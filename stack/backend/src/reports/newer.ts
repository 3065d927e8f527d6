/**
 * Results of analyses that came after a draft was begun: offered to whoever writes, never put in by themselves.
 *
 * What was offered before, and taken over or left out, is known by its digest, so that no clock decides what is new.
 */
import { createHash } from 'node:crypto';
import type { FieldValue, ReportDocument } from './model.ts';
import { suitable, type Prefilled } from './prefill.ts';
import type { Template } from './templates.ts';

/** A text for a field. */
export interface Offer extends Prefilled {
  readonly digest: string;
  /** Whether it takes the field's place; else it is written below what somebody typed there. */
  readonly replaces: boolean;
}

export const digestOf = (value: string): string => createHash('sha256').update(value).digest('hex');

/** What is new for a report. @param others what the sources give now */
export function offersOf(
  template: Template,
  report: Pick<ReportDocument, 'fields' | 'offered'>,
  others: readonly Prefilled[],
): Offer[] {
  return suitable(template, others).flatMap((it): Offer[] => {
    const now = report.fields[it.field];
    const digest = digestOf(it.value);
    if (report.offered?.[it.field] === digest || now?.value.includes(it.value) === true) return [];
    const typed = now?.origin === null && now.value.trim() !== '';
    return [{ ...it, digest, replaces: !typed }];
  });
}

/** The field with an offer taken over: marked as what nobody typed, until it is confirmed. */
export function taken(report: Pick<ReportDocument, 'fields' | 'revision'>, offer: Offer): FieldValue {
  const before = offer.replaces ? '' : (report.fields[offer.field]?.value.trimEnd() ?? '');
  return {
    value: before === '' ? offer.value : `${before}\n\n${offer.value}`,
    origin: offer.origin,
    confirmed: false,
    by: null,
    at: null,
    revision: report.revision + 1,
    editor: null,
    sequence: 0,
  };
}

/** The audit trail as a file: entry after entry, oldest first, whatever its length. */
import { stringify } from 'csv-stringify/sync';
import { auditFilter, type AuditDocument, type AuditQuery } from '../store/audit.ts';
import type { Store } from '../store/database.ts';
import { auditMessage } from './atna.ts';
import { presentAudit } from './present.ts';

export const EXPORT_FORMATS = ['atna', 'csv', 'json'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

interface Form {
  readonly type: string;
  readonly ending: string;
  readonly head: string;
  /** One entry with the end of its line. */
  readonly line: (entry: AuditDocument, source: string) => string;
}

const COLUMNS = [
  'id',
  'at',
  'event',
  'action',
  'outcome',
  'user',
  'role',
  'address',
  'patient_id',
  'study_instance_uid',
] as const;

/** A row of RFC 4180. What a spreadsheet would take for a formula is written as text. */
const row = (values: readonly (string | number | null)[]): string =>
  stringify([[...values]], { record_delimiter: 'windows', escape_formulas: true });

const FORMS: Readonly<Record<ExportFormat, Form>> = {
  // No file format holds several AuditMessages: each line is a document by itself.
  atna: {
    type: 'text/plain; charset=utf-8',
    ending: 'atna.txt',
    head: '',
    line: (entry, source) => `${auditMessage(entry, source)}\n`,
  },
  csv: {
    type: 'text/csv; charset=utf-8; header=present',
    ending: 'csv',
    head: row(COLUMNS),
    line: (entry) => {
      const shown = presentAudit(entry);
      return row(COLUMNS.map((it) => shown[it]));
    },
  },
  json: {
    type: 'application/x-ndjson',
    ending: 'jsonl',
    head: '',
    line: (entry) => `${JSON.stringify(presentAudit(entry))}\n`,
  },
};

const BATCH = 500;

export interface Export {
  readonly type: string;
  readonly fileName: string;
  readonly lines: AsyncIterable<string>;
}

/** @param source whose trail it is: the environment */
export function auditExport(store: Store, format: ExportFormat, query: AuditQuery, source: string): Export {
  const { type, ending, head, line } = FORMS[format];
  async function* lines(): AsyncGenerator<string> {
    if (head !== '') yield head;
    const found = store.audit.find(auditFilter(query), { batchSize: BATCH }).sort({ at: 1, _id: 1 });
    for await (const entry of found) yield line(entry, source);
  }
  return { type, fileName: `audit-trail.${ending}`, lines: lines() };
}

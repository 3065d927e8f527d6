/** Answers of the backend about reports, as its OpenAPI document has them. */

export type Language = 'en' | 'de' | 'fr';
export type State = 'draft' | 'preliminary' | 'signed' | 'amended';
export type Words = Record<Language, string>;

export interface Origin {
  kind: 'metadata' | 'measurement' | 'analysis';
  source: string;
}

export interface Field {
  id: string;
  kind: 'text' | 'choice' | 'number';
  label: Words;
  required: boolean;
  lines?: number;
  choices?: { value: string; label: Words }[];
  unit?: string;
  minimum?: number;
  maximum?: number;
}

export interface Template {
  id: string;
  title: Words;
  sections: { id: string; title: Words; fields: Field[] }[];
}

export interface Delivery {
  state: 'waiting' | 'stored';
  attempts: number;
  last_error: string | null;
  stored_at: string | null;
}

export interface Version {
  version: number;
  state: Exclude<State, 'draft'>;
  reason: string | null;
  by: string;
  at: string | null;
  title: string;
  language: Language;
  sections: { title: string; fields: { id: string; label: string; text: string; confirmed: boolean }[] }[];
  delivery: Delivery | null;
}

interface Common {
  id: string;
  study_id: string;
  study_instance_uid: string;
  title: string;
  language: Language;
  state: State;
  version: number;
  amending: { reason: string; by: string; at: string | null } | null;
  created_by: string;
  created_at: string | null;
  changed_by: string;
  changed_at: string | null;
}

export interface Summary extends Common {
  delivery: Delivery | null;
}

export interface Value {
  value: string;
  origin: Origin | null;
  confirmed: boolean;
  by: string | null;
  at: string | null;
  revision: number;
}

export interface Conflict {
  id: string;
  field: string;
  value: string;
  by: string;
  at: string | null;
  other: string;
  other_by: string | null;
}

export interface Editor {
  editor: string;
  user: string;
  field: string | null;
}

/** A text of analyses that came since the draft was begun. */
export interface Newer {
  field: string;
  value: string;
  origin: Origin | null;
  digest: string;
  /** Else it is written below what somebody typed. */
  replaces: boolean;
}

export interface Draft {
  revision: number;
  fields: Record<string, Value>;
  conflicts: Conflict[];
  editors: Editor[];
  newer: Newer[];
}

/** Whose report it is. */
export interface Subject {
  patient_name: string;
  patient_id: string;
  patient_birth_date: string | null;
  patient_sex: string | null;
  study_date: string | null;
  study_description: string | null;
  accession_number: string | null;
}

export interface Report extends Common {
  subject: Subject | null;
  published: Version | null;
  may: Record<'save' | 'confirm' | 'preliminary' | 'sign' | 'amend', boolean>;
  draft: Draft | null;
}

export interface ReportPage {
  report: Report;
  template: Template;
}

/** Where a report stands, in words. */
export function stateText({ state, amending }: Pick<Common, 'state' | 'amending'>): string {
  return amending === null ? state : `${state}, an amendment is being written`;
}

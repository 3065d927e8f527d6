/**
 * The templates of reports: data files in templates/, one for each kind of examination, in each language.
 *
 * They are short on purpose: what every report of the kind should say, and free text for the rest. Sections follow the
 * usual order of radiology reports (ESR paper on structured reporting, doi:10.1007/s13244-017-0588-8).
 */
import { z } from 'zod';
import crChest from './templates/cr-chest.json' with { type: 'json' };
import ctChest from './templates/ct-chest.json' with { type: 'json' };
import ctHead from './templates/ct-head.json' with { type: 'json' };
import generic from './templates/generic.json' with { type: 'json' };
import mrKnee from './templates/mr-knee.json' with { type: 'json' };
import usAbdomen from './templates/us-abdomen.json' with { type: 'json' };

export const LANGUAGES = ['en', 'de', 'fr'] as const;
export type Language = (typeof LANGUAGES)[number];

/** What a field can be filled with from the record of the study; see prefill.ts. */
export const PREFILLS = ['examination', 'technique'] as const;
export type Prefill = (typeof PREFILLS)[number];

const words = z.object({ en: z.string().min(1), de: z.string().min(1), fr: z.string().min(1) });
/** An identifier which may be a key of a database record. */
const key = z.string().regex(/^[a-z][a-z0-9_]{0,39}$/);
const common = {
  id: key,
  label: words,
  required: z.boolean().default(false),
  prefill: z.enum(PREFILLS).nullable().default(null),
};

const field = z.discriminatedUnion('kind', [
  z.strictObject({ ...common, kind: z.literal('text'), lines: z.int().min(1).max(40) }),
  z.strictObject({
    ...common,
    kind: z.literal('choice'),
    choices: z.array(z.strictObject({ value: key, label: words })).min(2),
  }),
  z.strictObject({ ...common, kind: z.literal('number'), unit: z.string(), minimum: z.number(), maximum: z.number() }),
]);
export type Field = z.output<typeof field>;

const template = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9-]{0,39}$/),
  /** Codes of Modality (PS3.3 section C.7.3.1.1.1); none: any. */
  modalities: z.array(z.string()),
  /** Defined terms of Body Part Examined (PS3.16 annex L); none: any. */
  body_parts: z.array(z.string()),
  title: words,
  sections: z.array(z.strictObject({ id: key, title: words, fields: z.array(field).min(1) })).min(1),
});
export type Template = z.output<typeof template>;

/** Every template, the general one first. */
export const TEMPLATES: readonly Template[] = z
  .array(template)
  .parse([generic, ctHead, ctChest, mrKnee, crChest, usAbdomen]);
const GENERAL = 'generic';

export function templateOf(id: string): Template | null {
  return TEMPLATES.find((it) => it.id === id) ?? null;
}

export function fieldsOf({ sections }: Template): Field[] {
  return sections.flatMap((it) => it.fields);
}

/** A series as far as the choice of a template goes. */
interface Examined {
  readonly modality: string | null;
  readonly body_part_examined: string | null;
}

/** The template for a study: the one whose modality and body part one series has, else the general one. */
export function suitableTemplate(series: readonly Examined[]): Template {
  const found = TEMPLATES.find((it) =>
    series.some(
      ({ modality, body_part_examined }) =>
        it.modalities.includes(modality ?? '') && it.body_parts.includes((body_part_examined ?? '').toUpperCase()),
    ),
  );
  const general = found ?? templateOf(GENERAL);
  if (general === null) throw new Error('there is no general template');
  return general;
}

/** What is wrong with a field's text; null where nothing is. An empty text is always right: it is not filled in. */
export function violationOf(field: Field, value: string): string | null {
  if (value === '') return null;
  if (field.kind === 'choice') {
    return field.choices.some((it) => it.value === value) ? null : 'is none of the choices';
  }
  if (field.kind === 'number') {
    const number = numberOf(value);
    if (number === null) return 'must be a number such as 12 or 12.5';
    if (number < field.minimum || number > field.maximum) {
      return `must be from ${String(field.minimum)} to ${String(field.maximum)}`;
    }
  }
  return null;
}

/** A number as people write it, with a point or a comma. */
function numberOf(text: string): number | null {
  return /^-?\d{1,9}(?:[.,]\d{1,6})?$/.test(text.trim()) ? Number(text.trim().replace(',', '.')) : null;
}

/** A field's text as it is read: a choice by its label, a number with its unit. */
export function readable(field: Field, value: string, language: Language): string {
  if (field.kind === 'choice') return field.choices.find((it) => it.value === value)?.label[language] ?? value;
  return field.kind === 'number' ? `${value.trim()} ${field.unit}` : value;
}

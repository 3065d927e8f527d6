/** The shapes of requests and answers about reports. */
import { z } from 'zod';
import { STATES } from './model.ts';
import { LANGUAGES, PREFILLS } from './templates.ts';

/** Of one field, and of all that one save brings. */
export const LONGEST_TEXT = 20_000;
const MOST_TEXT = 100_000;
const MOST_FIELDS = 60;

/** Text of several lines: no control characters but ends of lines and tabs, no halves of characters. */
const text = z
  .string()
  .max(LONGEST_TEXT)
  .refine((it) => !/[^\P{Cc}\n\r\t]|\p{Cs}/u.test(it), 'must not hold control characters');
const line = text.refine((it) => !/[\n\r\t]/.test(it), 'must be one line');
const key = z.string().regex(/^[a-z][a-z0-9_]{0,39}$/);
const fieldKeys = z.array(key).min(1).max(MOST_FIELDS);
const revision = z.int().min(1).max(2_000_000_000);

export const reportParams = z.object({ id: z.uuid() });
export const versionParams = z.object({
  id: z.uuid(),
  n: z
    .string()
    .regex(/^[1-9]\d{0,5}$/, 'must be the number of a version')
    .transform(Number),
});

/** Versions carry their whole text: fewer on a page. */
export const versionsQuery = z.strictObject({
  limit: z
    .string()
    .regex(/^\d{1,2}$/)
    .transform(Number)
    .pipe(z.int().min(1).max(20))
    .default(10),
  offset: z
    .string()
    .regex(/^\d{1,6}$/)
    .transform(Number)
    .default(0),
});

export const createBody = z.strictObject({
  id: z.uuid().describe('Chosen by the page, so that a repeated call makes no second report'),
  template: z.string().max(40).optional().describe("By default the one for the study's modality and body part"),
  language: z.enum(LANGUAGES).optional(),
});

export const draftBody = z.strictObject({
  revision: revision.describe('The revision the page had seen'),
  editor: z.uuid().describe('Of the page: new for each that is opened'),
  sequence: z.int().min(1).max(2_000_000_000).describe('Counts the saves of the page'),
  fields: z
    .record(key, text)
    .refine((it) => Object.keys(it).length <= MOST_FIELDS, 'are too many fields')
    .refine((it) => Object.values(it).reduce((sum, one) => sum + one.length, 0) <= MOST_TEXT, 'are too long together')
    .describe('The fields that were changed in the page'),
  resolved: z.array(z.string().max(200)).max(50).default([]).describe('Conflicts that this save settles'),
});

export const revisionBody = z.strictObject({
  revision: revision.describe('The text that was seen: no other is taken'),
});
export const confirmBody = z.strictObject({ revision, fields: fieldKeys });
export const amendBody = z.strictObject({
  revision,
  reason: line.pipe(z.string().max(500)).refine((it) => it.trim() !== '', 'must say why'),
});
export const newerBody = z.strictObject({
  revision: revision.describe('The text that was seen'),
  field: key,
  digest: z.string().length(64).describe('Of the newer text that was seen: no other is taken'),
  take: z.boolean().describe('false: it is left out, and not offered again'),
});
export const presenceBody = z.strictObject({ editor: z.uuid(), field: key.nullable() });

const time = z.string().nullable().describe('UTC, ISO 8601');
const textOrNull = z.string().nullable();
const language = z.enum(LANGUAGES);
const words = z.object({ en: z.string(), de: z.string(), fr: z.string() });
const origin = z
  .object({ kind: z.enum(['metadata', 'measurement', 'analysis']), source: z.string() })
  .nullable()
  .describe('Where a value came from that nobody typed');

export const templateAnswer = z.object({
  id: z.string(),
  modalities: z.array(z.string()),
  body_parts: z.array(z.string()),
  title: words,
  sections: z.array(
    z.object({
      id: z.string(),
      title: words,
      fields: z.array(
        z.object({
          id: z.string(),
          kind: z.enum(['text', 'choice', 'number']),
          label: words,
          required: z.boolean(),
          prefill: z.enum(PREFILLS).nullable(),
          lines: z.number().optional(),
          choices: z.array(z.object({ value: z.string(), label: words })).optional(),
          unit: z.string().optional(),
          minimum: z.number().optional(),
          maximum: z.number().optional(),
        }),
      ),
    }),
  ),
});

const delivery = z
  .object({
    state: z.enum(['waiting', 'stored']),
    attempts: z.number(),
    last_error: textOrNull,
    stored_at: time,
    sop_instance_uid: z.string(),
  })
  .nullable()
  .describe('On the way into Orthanc; null for a version that does not go there');

export const versionAnswer = z.object({
  version: z.number(),
  state: z.enum(['preliminary', 'signed', 'amended']),
  reason: textOrNull,
  by: z.string(),
  role: z.string(),
  at: time,
  title: z.string(),
  language,
  institution: textOrNull,
  sections: z.array(
    z.object({
      title: z.string(),
      fields: z.array(
        z.object({ id: z.string(), label: z.string(), text: z.string(), confirmed: z.boolean(), origin }),
      ),
    }),
  ),
  delivery,
});

const common = {
  id: z.string(),
  study_id: z.string(),
  study_instance_uid: z.string(),
  template: z.string(),
  title: z.string(),
  language,
  state: z.enum(STATES),
  version: z.number(),
  amending: z.object({ reason: z.string(), by: z.string(), at: time }).nullable(),
  created_by: z.string(),
  created_at: time,
  changed_by: z.string(),
  changed_at: time,
};

export const reportSummary = z.object({ ...common, delivery });

const editor = z.object({ editor: z.string(), user: z.string(), field: textOrNull, at: time });

export const reportAnswer = z.object({
  ...common,
  subject: z
    .object({
      patient_name: z.string(),
      patient_id: z.string(),
      patient_birth_date: textOrNull,
      patient_sex: textOrNull,
      study_date: textOrNull,
      study_description: textOrNull,
      accession_number: textOrNull,
    })
    .nullable()
    .describe('Whose report it is, as recorded now; null for a study that is recorded no more'),
  /** What others read: the newest version. */
  published: versionAnswer.nullable(),
  may: z.object({
    save: z.boolean(),
    confirm: z.boolean(),
    preliminary: z.boolean(),
    sign: z.boolean(),
    amend: z.boolean(),
  }),
  draft: z
    .object({
      revision: z.number(),
      fields: z.record(
        z.string(),
        z.object({ value: z.string(), origin, confirmed: z.boolean(), by: textOrNull, at: time, revision: z.number() }),
      ),
      conflicts: z.array(
        z.object({
          id: z.string(),
          field: z.string(),
          value: z.string(),
          by: z.string(),
          at: time,
          other: z.string(),
          other_by: textOrNull,
        }),
      ),
      editors: z.array(editor),
      newer: z
        .array(z.object({ field: z.string(), value: z.string(), origin, digest: z.string(), replaces: z.boolean() }))
        .describe('Texts of analyses that came since, to be taken over or left out'),
    })
    .nullable()
    .describe('The text at work; null for who may read versions alone'),
});
export const templateAndReport = z.object({ report: reportAnswer, template: templateAnswer });

export const clashAnswer = z.object({
  type: z.literal('about:blank'),
  title: z.string(),
  status: z.literal(409),
  detail: z.string(),
  report: reportAnswer,
  clashes: z.array(z.object({ field: z.string(), value: z.string(), other: z.string(), other_by: textOrNull })),
});

export const presenceAnswer = z.object({ revision: z.number(), state: z.enum(STATES), others: z.array(editor) });

/** The shapes of requests and answers about analysis. */
import { z } from 'zod';
import { pageQuery } from '../http/schemas.ts';
import { analysisShape, providerShape } from './contract.ts';
import { JOB_STATES } from './documents.ts';

/** A result may be large, so fewer of them make a page. */
const RESULTS_A_PAGE = 20;

export const wishBody = z.strictObject({ provider: z.string().regex(/^[a-z][a-z0-9_]{0,31}$/) });
export const jobParams = z.object({ id: z.string().regex(/^[0-9a-f]{64}$/, "must be a job's identifier") });
export const resultQuery = z.strictObject({
  ...pageQuery.shape,
  limit: z
    .string()
    .regex(/^\d{1,2}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(1).max(RESULTS_A_PAGE))
    .default(RESULTS_A_PAGE),
});
export const jobQuery = pageQuery.extend({ state: z.enum(JOB_STATES).optional() });

const time = z.string().nullable().describe('UTC, ISO 8601');

export const jobAnswer = z.object({
  id: z.string(),
  study: z.string().describe("Orthanc's identifier"),
  study_instance_uid: z.string(),
  provider: z.string(),
  state: z.enum(JOB_STATES).describe('failed is tried again, dead is not'),
  requested_by: z.string().nullable().describe('null: the study came'),
  created_at: time,
  updated_at: time,
  next_try_at: time,
  attempts: z.number(),
  last_error: z.string().nullable().describe('In words, which may be those of the provider'),
  result: z.string().nullable(),
});
export type JobAnswer = z.output<typeof jobAnswer>;

export const resultAnswer = z.object({
  id: z.string(),
  at: z.string(),
  provider: z.object({ id: z.string(), version: z.string(), title: z.string(), kind: z.string() }),
  ...analysisShape.shape,
  sr_sop_instance_uid: z.string().nullable().describe("The structured report's in Orthanc"),
});
export type ResultAnswer = z.output<typeof resultAnswer>;

export const resultsAnswer = z.object({
  total: z.number(),
  limit: z.number(),
  offset: z.number(),
  items: z.array(resultAnswer),
  jobs: z.array(jobAnswer).describe('The newest jobs of the study, at most 20'),
});

export const providersAnswer = z.object({
  providers: z.array(
    z.object({
      id: z.string(),
      reachable: z.boolean(),
      problem: z.string().nullable(),
      on_arrival: z.boolean(),
      card: providerShape.nullable(),
    }),
  ),
  store_sr: z.boolean(),
});

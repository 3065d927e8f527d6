/**
 * The contract with a provider of analysis, as this side checks it (stack/analysis/openapi.yaml).
 *
 * A provider is a program of somebody else: every text and list has a bound, and what is unknown is dropped.
 */
import { z } from 'zod';

const uid = z.string().regex(/^[0-9]+(?:\.[0-9]+)*$/).max(64); // prettier-ignore
const identifier = z.string().regex(/^[a-z][a-z0-9_]{0,31}$/); // prettier-ignore
const name = z.string().min(1).max(64);
const text = z.string().min(1).max(2_000);
const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/); // prettier-ignore
const modality = z.string().max(16);
const unit = z.string().min(1).max(16);

const reference = z.object({
  series_instance_uid: uid,
  sop_instance_uid: uid.nullable().default(null),
  frame: z.int().min(1).max(1_000_000).nullable().default(null),
});

/** How many points each kind of region has, at least and at most. */
const POINTS = { point: [1, 1], box: [2, 2], polygon: [3, 500] } as const;
const region = z
  .object({
    type: z.enum(['point', 'box', 'polygon']),
    points: z
      .array(z.tuple([z.number(), z.number()]))
      .min(1)
      .max(500),
  })
  .refine((it) => it.points.length >= POINTS[it.type][0] && it.points.length <= POINTS[it.type][1], {
    message: 'has not as many points as its type needs',
  });

const finding = z.object({
  name: identifier,
  text,
  confidence: z.number().min(0).max(1).nullable().default(null),
  reference: reference.nullable().default(null),
  region: region.nullable().default(null),
});
const measurement = z.object({
  name: identifier,
  title: name,
  value: z.number(),
  unit: unit.describe('A unit of UCUM'),
  reference: reference.nullable().default(null),
});
const notExamined = z.object({ reference, why: text });
const parameter = z.union([z.string().max(200), z.number(), z.boolean(), z.null()]);
const provenance = z.object({
  provider: identifier,
  version: name,
  model_digest: digest.nullable(),
  input_digest: digest,
  started_at: z.iso.datetime(),
  duration_seconds: z.number().min(0),
  instances_given: z.int().min(0),
  instances_examined: z.int().min(0),
  parameters: z
    .record(identifier, parameter)
    .refine((it) => Object.keys(it).length <= 50, { message: 'are more than 50' }),
});

/** A provider's result. */
export const analysisShape = z.object({
  study_instance_uid: uid,
  statement: text,
  findings: z.array(finding).max(500),
  measurements: z.array(measurement).max(2_000),
  not_examined: z.array(notExamined).max(500),
  provenance,
});
export type Analysis = z.output<typeof analysisShape>;

/** What a provider says of itself. */
export const providerShape = z.object({
  id: identifier,
  version: name,
  title: name,
  kind: z.enum(['measurement', 'model']),
  statement: text,
  modalities: z.array(modality).max(50),
  licence: name,
  card: z
    .object({
      intended_use: text,
      limitations: text,
      training_data: text.nullable().default(null),
      labels: z.array(name).max(100),
      threshold: z.number().nullable().default(null),
      digest: digest.nullable().default(null),
    })
    .nullable()
    .default(null),
  measures: z
    .array(z.object({ name: identifier, title: name, unit, formula: text }))
    .max(500)
    .default([]),
});
export type ProviderCard = z.output<typeof providerShape>;

/** The most instances that a request may name. */
export const MAXIMUM_INSTANCES = 5_000;
const MAXIMUM_SERIES = 500;

/** A study to be analysed: its images by their identifiers. */
export interface AnalysisRequest {
  study_instance_uid: string;
  series: {
    series_instance_uid: string;
    modality: string | null;
    instances: { sop_instance_uid: string; sop_class_uid: string }[];
  }[];
}

/** The request within the contract's bounds: what is beyond them is left out, series by series. */
export function bounded(request: AnalysisRequest): AnalysisRequest {
  let left = MAXIMUM_INSTANCES;
  const series = request.series.slice(0, MAXIMUM_SERIES).flatMap((it) => {
    const instances = it.instances.slice(0, left);
    left -= instances.length;
    return instances.length === 0 ? [] : [{ ...it, instances }];
  });
  return { ...request, series };
}

/** Where an answer speaks of what was not asked; null where it does not. */
export function strayReference(request: AnalysisRequest, analysis: Analysis): string | null {
  if (analysis.study_instance_uid !== request.study_instance_uid) return 'it is of another study';
  const given = new Map(
    request.series.map((it) => [it.series_instance_uid, new Set(it.instances.map((one) => one.sop_instance_uid))]),
  );
  for (const it of [...analysis.findings, ...analysis.measurements, ...analysis.not_examined]) {
    if (it.reference === null) continue;
    const instances = given.get(it.reference.series_instance_uid);
    if (instances === undefined) return 'it speaks of a series that was not given';
    const { sop_instance_uid } = it.reference;
    if (sop_instance_uid !== null && !instances.has(sop_instance_uid))
      return 'it speaks of an instance that was not given';
  }
  return null;
}

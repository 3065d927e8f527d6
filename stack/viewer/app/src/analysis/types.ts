/** Answers of the backend about analyses, as its OpenAPI document has them. */

export interface Reference {
  series_instance_uid: string;
  sop_instance_uid: string | null;
  frame: number | null;
}

export interface Finding {
  name: string;
  text: string;
  confidence: number | null;
  reference: Reference | null;
  region: { type: 'point' | 'box' | 'polygon'; points: [number, number][] } | null;
}

export interface Measurement {
  name: string;
  title: string;
  value: number;
  unit: string;
  reference: Reference | null;
}

export interface Result {
  id: string;
  at: string;
  provider: { id: string; version: string; title: string; kind: string };
  statement: string;
  findings: Finding[];
  measurements: Measurement[];
  not_examined: { reference: Reference; why: string }[];
  provenance: {
    provider: string;
    version: string;
    model_digest: string | null;
    input_digest: string;
    started_at: string;
    duration_seconds: number;
    instances_given: number;
    instances_examined: number;
    parameters: Record<string, string | number | boolean | null>;
  };
  sr_sop_instance_uid: string | null;
}

export interface Job {
  id: string;
  study: string;
  study_instance_uid: string;
  provider: string;
  state: 'queued' | 'running' | 'done' | 'failed' | 'dead';
  requested_by: string | null;
  updated_at: string | null;
  next_try_at: string | null;
  attempts: number;
  last_error: string | null;
}

export interface Analyses {
  total: number;
  items: Result[];
  jobs: Job[];
}

export interface Providers {
  providers: {
    id: string;
    reachable: boolean;
    problem: string | null;
    on_arrival: boolean;
    card: { title: string; version: string; statement: string; modalities: string[] } | null;
  }[];
}

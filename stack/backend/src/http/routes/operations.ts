/** What supervision asks: health, readiness, status, metrics. */
import { JOB_STATES } from '../../analysis/documents.ts';
import { queueOf } from '../../analysis/jobs.ts';
import type { Config } from '../../config.ts';
import type { Worker } from '../../delivery/worker.ts';
import type { Metrics } from '../../metrics.ts';
import { recordCounts } from '../../delivery/reconcile.ts';
import type { Store } from '../../store/database.ts';
import { readState } from '../../store/state.ts';
import { VERSION } from '../../version.ts';
import type { App } from '../app.ts';
import type { Health } from '../health.ts';
import { iso, presentReconciliation, presentRequest } from '../present.ts';
import { readyAnswer, statusAnswer, type StatusAnswer } from '../schemas.ts';
import { z } from 'zod';

export interface OperationsOptions {
  readonly environment: Config['environment'];
  readonly store: Store;
  readonly worker: Worker;
  readonly metrics: Metrics;
  readonly health: () => Promise<Health>;
  /** Whether this backend has studies analysed. */
  readonly analyses: boolean;
}

export function operationRoutes(
  app: App,
  { environment, store, worker, metrics, health, analyses }: OperationsOptions,
): void {
  const tags = ['operations'];

  app.get(
    '/healthz',
    {
      config: { rateLimit: false },
      schema: { tags, summary: 'The process answers', response: { 200: z.object({ alive: z.literal(true) }) } },
    },
    () => ({ alive: true as const }),
  );

  app.get(
    '/readyz',
    {
      config: { rateLimit: false },
      schema: {
        tags,
        summary: 'Database and Orthanc answer, the worker runs',
        response: { 200: readyAnswer, 503: readyAnswer },
      },
    },
    async (_request, reply) => {
      const { ready, problems } = await health();
      return reply.code(ready ? 200 : 503).send({ ready, problems: [...problems] });
    },
  );

  app.get(
    '/metrics',
    {
      schema: { tags, summary: 'Metrics for Prometheus' },
    },
    async (_request, reply) => {
      metrics.oldest.set(ageSeconds(worker.status.oldestUndelivered) ?? 0);
      metrics.leader.set(worker.status.role === 'leader' ? 1 : 0);
      if (analyses) await tellQueue(store, metrics);
      return reply.type(metrics.registry.contentType).send(await metrics.registry.metrics());
    },
  );

  app.get(
    '/api/status',
    {
      schema: { tags, summary: 'How far the deliveries are', response: { 200: statusAnswer } },
    },
    async () => status(environment, store, worker, await health()),
  );
}

/** Without a database there is no queue to tell of: the other metrics are told all the same. */
async function tellQueue(store: Store, metrics: Metrics): Promise<void> {
  metrics.analyses.reset();
  metrics.oldestAnalysis.reset();
  const queue = await queueOf(store.analysisJobs).catch(() => null);
  if (queue === null) return;
  for (const state of JOB_STATES) metrics.analyses.set({ state }, queue.counts[state]);
  metrics.oldestAnalysis.set(ageSeconds(queue.waitingSince) ?? 0);
}

function ageSeconds(date: Date | null): number | null {
  return date === null ? null : Math.max(0, (Date.now() - date.getTime()) / 1000);
}

async function status(
  environment: Config['environment'],
  store: Store,
  worker: Worker,
  health: Health,
): Promise<StatusAnswer> {
  const it = worker.status;
  const unreachable = { state: null, counts: null, build: null };
  const { state, counts, build } = health.databaseReachable
    ? await database(store).catch(() => unreachable)
    : unreachable;
  const current = state?.running ?? it.running;
  const finished = state?.finished[0] ?? it.finished;
  return {
    environment,
    version: VERSION,
    node_version: process.versions.node,
    ready: health.ready,
    problems: [...health.problems],
    worker: {
      role: it.role,
      heartbeat_at: iso(it.heartbeat),
      last_round_at: iso(it.lastRound),
      failures_in_a_row: it.failures,
      last_error: it.lastError === null ? null : { ...it.lastError, at: iso(it.lastError.at) },
    },
    delivery: {
      cursor: state?.cursor ?? it.cursor,
      orthanc_last_seq: it.orthancLastSeq,
      backlog: it.backlog,
      oldest_undelivered_seconds: ageSeconds(it.oldestUndelivered),
      advanced_at: iso(state?.advanced_at),
      last_reconciliation: finished === null ? null : presentReconciliation(finished),
      current_reconciliation:
        current !== null
          ? presentRequest(current, 'running')
          : state?.pending != null
            ? presentRequest(state.pending, 'pending')
            : null,
    },
    orthanc: {
      reachable: health.orthancReachable,
      last_answer_at: iso(it.lastOrthancAnswer),
      name: it.system?.Name ?? null,
      version: it.system?.Version ?? null,
      dicom_aet: it.system?.DicomAet ?? null,
      database_version: it.system?.DatabaseVersion ?? null,
      database_identifier: it.system?.DatabaseServerIdentifier ?? null,
      database_fingerprint: state?.anchors.at(-1) ?? null,
    },
    database: {
      reachable: health.databaseReachable,
      version: build,
      patients: counts?.CountPatients ?? null,
      studies: counts?.CountStudies ?? null,
      series: counts?.CountSeries ?? null,
      instances: counts?.CountInstances ?? null,
    },
  };
}

async function database(store: Store): Promise<{
  state: Awaited<ReturnType<typeof readState>>;
  counts: Awaited<ReturnType<typeof recordCounts>>;
  build: string | null;
}> {
  const [state, counts, info] = await Promise.all([
    readState(store),
    recordCounts(store, false),
    store.db.command({ buildInfo: 1 }).then(
      (it) => (typeof it.version === 'string' ? it.version : null),
      () => null,
    ),
  ]);
  return { state, counts, build: info };
}

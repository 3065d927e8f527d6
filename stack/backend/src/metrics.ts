/** What Prometheus may scrape. Source of the naming rules: https://prometheus.io/docs/practices/naming/ */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

const PREFIX = 'orthancgen_backend_';
/** Gauges of prom-client whose names end as a counter's do; `nodejs_active_resources` and the like say the same. */
const MISNAMED = ['nodejs_active_resources_total', 'nodejs_active_handles_total', 'nodejs_active_requests_total'];

/** The process's metrics, in a registry of their own. */
export class Metrics {
  readonly registry = new Registry();
  readonly recorded = this.#counter(
    'instances_recorded_total',
    'Instances written to the records, repetitions included',
  );
  readonly removed = this.#counter(
    'instances_removed_total',
    'Records removed because Orthanc no longer has the instance',
  );
  readonly pokes = this.#counter('webhook_pokes_total', 'Webhook calls that woke the worker');
  readonly failures = this.#counter('delivery_failures_total', 'Rounds of the worker that failed', ['source', 'kind']);
  readonly reconciliations = this.#counter('reconciliations_total', "Comparisons with Orthanc's inventory", ['mode']);
  readonly backlog = this.#gauge('backlog_changes', 'Changes in Orthanc not yet recorded');
  readonly cursor = this.#gauge('cursor', 'Number of the last change recorded for good');
  readonly oldest = this.#gauge('oldest_undelivered_seconds', 'Age of the oldest change not yet recorded');
  readonly leader = this.#gauge('leader', '1 while this backend does the deliveries');
  readonly analyses = this.#gauge('analysis_jobs', 'Analyses by the state of their job', ['state']);
  readonly oldestAnalysis = this.#gauge(
    'analysis_oldest_waiting_seconds',
    'How long the oldest analysis waits since it was asked for, or last tried',
  );
  readonly batchSeconds = new Histogram({
    name: `${PREFIX}batch_duration_seconds`,
    help: 'Time to record a page of changes',
    buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10],
    registers: [this.registry],
  });
  readonly requestSeconds = new Histogram({
    name: `${PREFIX}http_request_duration_seconds`,
    help: 'Time to answer a request',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.003, 0.01, 0.03, 0.1, 0.3, 1, 3],
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    for (const name of MISNAMED) this.registry.removeSingleMetric(name);
    // There from the start: Prometheus sees an increase only of what it has seen before.
    for (const source of ['orthanc', 'database']) this.failures.inc({ source, kind: 'unreachable' }, 0);
  }

  #counter<T extends string>(name: string, help: string, labelNames: T[] = []): Counter<T> {
    return new Counter({ name: PREFIX + name, help, labelNames, registers: [this.registry] });
  }

  #gauge<T extends string>(name: string, help: string, labelNames: T[] = []): Gauge<T> {
    return new Gauge({ name: PREFIX + name, help, labelNames, registers: [this.registry] });
  }
}

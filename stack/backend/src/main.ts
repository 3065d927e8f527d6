/**
 * The program: `node server.mjs --config PATH/backend.json`.
 *
 * Exit codes: 0 ended on request, 1 cannot run, 2 bad configuration.
 */
import { AnalysisRunner } from './analysis/runner.ts';
import { CatalogueKeeper } from './catalogue/keeper.ts';
import { loadConfig } from './config.ts';
import { Worker } from './delivery/worker.ts';
import { summarize } from './errors.ts';
import { createApp } from './http/app.ts';
import { identityOf } from './identity.ts';
import { createLog } from './log.ts';
import { Metrics } from './metrics.ts';
import { Orthanc } from './orthanc.ts';
import { called, fail } from './program.ts';
import { analysisSource } from './reports/analyses.ts';
import { ReportArchive } from './reports/archive.ts';
import { Outbox } from './reports/outbox.ts';
import { Reports } from './reports/reports.ts';
import { openStore } from './store/database.ts';
import { VERSION } from './version.ts';

/** The batch at work may take this long to end. */
const STOP_MILLISECONDS = 9_000;
/** Orthanc may take this long to answer what that batch asks; without an answer it is repeated at the next start. */
const ANSWER_MILLISECONDS = 2_000;

async function main(): Promise<void> {
  const { config } = called('server.mjs --config PATH/backend.json', loadConfig);
  const log = createLog(config.logLevel, config.environment.name);
  const metrics = new Metrics();
  const store = openStore(config.database);
  const orthanc = new Orthanc(config.orthanc);
  const holder = identityOf(config.listen.host, config.listen.port);
  const worker = new Worker({
    holder,
    orthanc,
    store,
    log,
    metrics,
    sharedIndex: config.orthanc.sharedIndex,
    ...config.delivery,
  });
  const catalogue = new CatalogueKeeper(store, log);
  const archive = new ReportArchive(config.orthanc);
  const outbox = new Outbox(store, archive, log);
  const onVersion = (): void => {
    outbox.wake();
  };
  const reports = new Reports(store, config.reports, onVersion, [analysisSource(store)]);
  const analysis =
    config.analysis === null
      ? null
      : new AnalysisRunner({ holder, config: config.analysis, orthanc: config.orthanc, store, log });
  const app = await createApp({ config, store, catalogue, worker, metrics, reports, log, analysis });

  try {
    await app.listen({ host: config.listen.host, port: config.listen.port });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const where = `${config.listen.host}:${String(config.listen.port)}`;
    const remedy =
      code === 'EADDRINUSE'
        ? 'another program listens there: end it or choose another listen.port'
        : 'check listen.host and listen.port';
    fail(1, `cannot listen on ${where} (${code ?? 'unknown'}): ${remedy}`);
  }
  worker.start();
  catalogue.start();
  analysis?.start();
  if (config.reports.storeToOrthanc) outbox.start();
  log.info({ version: VERSION, orthanc: config.orthanc.url.origin }, 'started');

  let stopping = false;
  const stop = async (signal: string): Promise<void> => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'stopping');
    setTimeout(() => {
      log.warn('not everything ended in time; what was left is repeated at the next start');
      process.exit(0);
    }, STOP_MILLISECONDS).unref();
    const answers = setTimeout(() => void orthanc.close(), ANSWER_MILLISECONDS);
    await Promise.all([worker.stop(), analysis?.stop()]);
    clearTimeout(answers);
    await outbox.stop();
    await catalogue.stop();
    await archive.close();
    await app.close();
    await orthanc.close();
    await store.client.close();
    log.info('stopped');
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal));
}

process.on('unhandledRejection', (error) => {
  const { kind, message } = summarize(error);
  fail(1, `the backend ends: ${message} (${kind})`);
});

await main();

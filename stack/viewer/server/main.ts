/**
 * The program: `node server.mjs --config PATH/viewer.json`.
 *
 * Exit codes: 0 ended on request, 1 cannot run, 2 bad configuration.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { pino, stdTimeFunctions } from 'pino';
import { createApp } from './app.ts';
import { ConfigError, loadConfig, type Config } from './config.ts';

function fail(code: number, message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(code);
}

function configured(): Config {
  try {
    const { config } = parseArgs({ options: { config: { type: 'string' } } }).values;
    if (config === undefined) fail(2, 'usage: server.mjs --config PATH/viewer.json');
    return loadConfig(config);
  } catch (error) {
    fail(2, error instanceof ConfigError ? error.message : 'usage: server.mjs --config PATH/viewer.json');
  }
}

const config = configured();
const log = pino({
  level: config.logLevel,
  base: { service: 'viewer', environment: config.environment.name },
  timestamp: stdTimeFunctions.isoTime,
  formatters: { level: (label) => ({ level: label }) },
  serializers: { req: () => undefined, res: () => undefined },
});
const folder = (name: string): string => fileURLToPath(new URL(`${name}/`, import.meta.url));
const app = await createApp(config, { app: folder('app'), ohif: folder('ohif') }, log);
try {
  await app.listen({ host: config.listen.host, port: config.listen.port });
} catch (error) {
  const { code } = error as NodeJS.ErrnoException;
  fail(1, `cannot listen on ${config.listen.host}:${String(config.listen.port)} (${code ?? 'unknown'})`);
}
log.info('started');

let stopping = false;
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    if (stopping) return;
    stopping = true;
    void app.close().then(() => process.exit(0));
  });
}

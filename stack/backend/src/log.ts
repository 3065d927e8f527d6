/** Structured logs: JSON lines on standard output, without patient data and without secrets. */
import { pino, stdTimeFunctions, type Logger } from 'pino';
import { stackOf, summarize } from './errors.ts';

export type Log = Logger;

/**
 * The process's logger. Errors are reduced to what {@link summarize} tells; `authorization` never appears.
 *
 * @param level the least severity written
 * @param environment the environment's name, on every line
 */
export function createLog(level: string, environment: string): Log {
  return pino({
    level,
    base: { service: 'backend', environment },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: errorForLog, req: () => undefined, res: () => undefined },
    redact: ['authorization', '*.authorization', '*.headers', '*.token', '*.password'],
  });
}

function errorForLog(error: unknown): object {
  const summary = summarize(error);
  return summary.message.startsWith('unexpected') ? { ...summary, stack: stackOf(error) } : summary;
}

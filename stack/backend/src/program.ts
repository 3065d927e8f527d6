/** What the programs share: how they are called, and how they end. */
import { parseArgs } from 'node:util';
import { ConfigError } from './configfile.ts';
import { VERSION } from './version.ts';

/** Ends the process with a line on the standard error. */
export function fail(code: number, text: string): never {
  process.stderr.write(`${text}\n`);
  process.exit(code);
}

/** Reads `--config FILE` and loads it. Ends the process with 2 where that cannot be done, and at `--version`. */
export function configured<T>(program: string, name: string, load: (file: string) => T): T {
  const usage = `usage: ${program} --config PATH/${name}`;
  let file: string | undefined;
  try {
    const { values } = parseArgs({ options: { config: { type: 'string' }, version: { type: 'boolean' } } });
    if (values.version === true) {
      process.stdout.write(`${VERSION}\n`);
      process.exit(0);
    }
    file = values.config;
  } catch (error) {
    fail(2, `${(error as Error).message}\n${usage}`);
  }
  if (file === undefined) fail(2, usage);
  try {
    return load(file);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    fail(2, ['the configuration cannot be used:', ...error.problems.map((it) => `  ${it}`)].join('\n'));
  }
}

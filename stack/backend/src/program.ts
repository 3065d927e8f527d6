/** What the programs share: how they are called, and how they end. */
import { parseArgs } from 'node:util';
import { ConfigError } from './configfile.ts';
import { VERSION } from './version.ts';

/** Ends the process with a line on the standard error. */
export function fail(code: number, text: string): never {
  process.stderr.write(`${text}\n`);
  process.exit(code);
}

type Options = Readonly<Record<string, { readonly type: 'string' | 'boolean' }>>;

/** The configuration, and the options that were given. */
interface Call<T> {
  readonly config: T;
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
}

/**
 * Reads the command line, and the file of `--config`.
 *
 * Ends the process with 2 where that cannot be done, and at `--version`.
 *
 * @param usage the program with its options, as it is shown.
 * @param load reads and checks the configuration.
 * @param options what may be given besides.
 */
export function called<T>(usage: string, load: (file: string) => T, options: Options = {}): Call<T> {
  let values: Record<string, string | boolean | undefined>;
  try {
    ({ values } = parseArgs({ options: { config: { type: 'string' }, version: { type: 'boolean' }, ...options } }));
  } catch (error) {
    fail(2, `${(error as Error).message}\nusage: ${usage}`);
  }
  if (values.version === true) {
    process.stdout.write(`${VERSION}\n`);
    process.exit(0);
  }
  if (typeof values.config !== 'string') fail(2, `usage: ${usage}`);
  try {
    return { config: load(values.config), options: values };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    fail(2, ['the configuration cannot be used:', ...error.problems.map((it) => `  ${it}`)].join('\n'));
  }
}

/**
 * The program: `node load.mjs --config PATH/backend.json --input FILE [--replace]`. Fills an empty database.
 *
 * No backend may run meanwhile. Prints one line of JSON, `{"documents": {COLLECTION: COUNT}}`.
 * Exit codes: 0 done, 1 cannot, 2 bad configuration.
 */
import { load, NotEmptyError } from './backup/load.ts';
import { DumpError } from './backup/format.ts';
import { loadConfig } from './config.ts';
import { summarize } from './errors.ts';
import { called, fail } from './program.ts';
import { openStore } from './store/database.ts';

const USAGE = 'load.mjs --config PATH/backend.json --input FILE [--replace]';

const { config, options } = called(USAGE, loadConfig, { input: { type: 'string' }, replace: { type: 'boolean' } });
const { input } = options;
if (typeof input !== 'string') fail(2, `usage: ${USAGE}`);
const store = openStore(config.database);
try {
  const documents = await load(store.db, input, options.replace === true);
  await store.client.close();
  process.stdout.write(`${JSON.stringify({ documents })}\n`);
} catch (error) {
  await store.client.close();
  if (error instanceof DumpError || error instanceof NotEmptyError) fail(1, error.message);
  const { code } = error as { code?: unknown };
  fail(1, typeof code === 'string' ? `cannot read ${input}: ${code}` : summarize(error).message);
}

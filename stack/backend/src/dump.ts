/**
 * The program: `node dump.mjs --config PATH/backend.json --output FILE`. Writes every record into a file.
 *
 * Prints one line of JSON, `{"documents": {COLLECTION: COUNT}, "bytes": SIZE}`. The file has its name only when it is
 * whole. Exit codes: 0 done, 1 cannot, 2 bad configuration.
 */
import { open, rename, rm } from 'node:fs/promises';
import { dump } from './backup/dump.ts';
import { loadConfig } from './config.ts';
import { summarize } from './errors.ts';
import { called, fail } from './program.ts';
import { openStore } from './store/database.ts';

const USAGE = 'dump.mjs --config PATH/backend.json --output FILE';
const BUFFER = 1 << 20;

const { config, options } = called(USAGE, loadConfig, { output: { type: 'string' } });
const { output } = options;
if (typeof output !== 'string') fail(2, `usage: ${USAGE}`);
const part = `${output}.part`;
const store = openStore(config.database);
try {
  const file = await open(part, 'w', 0o600);
  let bytes = 0;
  let buffer = '';
  const flush = async (): Promise<void> => {
    bytes += (await file.write(buffer)).bytesWritten;
    buffer = '';
  };
  const documents = await dump(store.db, async (text) => {
    buffer += text;
    if (buffer.length > BUFFER) await flush();
  });
  await flush();
  await file.sync();
  await file.close();
  await rename(part, output);
  await store.client.close();
  process.stdout.write(`${JSON.stringify({ documents, bytes })}\n`);
} catch (error) {
  await rm(part, { force: true });
  await store.client.close();
  const { code } = error as { code?: unknown };
  fail(1, typeof code === 'string' ? `cannot write ${output}: ${code}` : summarize(error).message);
}

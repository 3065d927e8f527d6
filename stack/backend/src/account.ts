/**
 * The program: `node account.mjs --config PATH/account.json`. Begins the database's replica set, where it is to be one,
 * and makes the application's user.
 *
 * Prints one line of JSON, `{"root": "unchanged|changed", "user": "created|updated|unchanged"}`.
 * Exit codes: 0 done, 1 cannot, 2 bad configuration.
 */
import { loadAccountConfig } from './account/config.ts';
import { ensureAccounts, RootRefusedError, UserRefusedError } from './account/ensure.ts';
import { NotYetError, OtherSetError } from './account/replicaset.ts';
import { summarize } from './errors.ts';
import { called, fail } from './program.ts';

const { config } = called('account.mjs --config PATH/account.json', loadAccountConfig);
try {
  process.stdout.write(`${JSON.stringify(await ensureAccounts(config))}\n`);
} catch (error) {
  const said = [RootRefusedError, UserRefusedError, NotYetError, OtherSetError];
  if (error instanceof Error && said.some((it) => error instanceof it)) fail(1, error.message);
  fail(1, `${config.host}:${String(config.port)}: ${summarize(error).message}`);
}

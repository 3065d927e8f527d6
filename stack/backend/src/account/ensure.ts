/**
 * The database as the configuration wants it: its replica set, root's password, and the application's user.
 *
 * Every step may be repeated: a run which was cut off is finished by the next.
 */
import { MongoClient, MongoServerError, type Document } from 'mongodb';
import { isUnreachable } from '../errors.ts';
import { reachOptions, uriOf, type ReplicaSet } from '../store/connection.ts';
import type { AccountConfig, Login } from './config.ts';
import { beginSet, checkSet, NotYetError } from './replicaset.ts';

/** What was done. */
export interface Outcome {
  /** Where the configuration names one. */
  replica_set?: 'initiated' | 'unchanged';
  root: 'unchanged' | 'changed';
  user: 'created' | 'updated' | 'unchanged';
}

/** Root could log in neither with its password nor with the one it had before. */
export class RootRefusedError extends Error {
  constructor({ root, previousRootPassword }: AccountConfig) {
    const how =
      previousRootPassword === null ? 'not with its password' : 'neither with its password nor the previous one';
    super(
      `the database lets ${root.username} in ${how}: ` +
        'its records were made with another one, which must be given as the previous password',
    );
    this.name = 'RootRefusedError';
  }
}

/** The user is there and yet cannot log in. */
export class UserRefusedError extends Error {
  constructor(config: AccountConfig) {
    super(`${config.user.username} was made in ${config.database}, but the database refuses its login`);
    this.name = 'UserRefusedError';
  }
}

const AUTHENTICATION_FAILED = 18;
const USER_EXISTS = 51003;
const PAUSE_MILLISECONDS = 500;
/** A password that was acknowledged must not be lost by a crash of the database. */
const DURABLE = { w: 'majority', j: true };

/**
 * Makes the accounts; waits for a server which does not answer yet.
 *
 * @throws RootRefusedError, UserRefusedError, NotYetError, OtherSetError
 * @throws MongoError where the server refuses, or does not come in time.
 */
export async function ensureAccounts(config: AccountConfig): Promise<Outcome> {
  const outcome: Outcome = { root: 'unchanged', user: 'unchanged' };
  const end = Date.now() + config.waitSeconds * 1000;
  for (;;) {
    try {
      if (config.replicaSet !== null && outcome.replica_set === undefined) {
        outcome.replica_set = await ensureSet(config, config.replicaSet);
      }
      await ensureRoot(config, outcome);
      await ensureUser(config, outcome);
      return outcome;
    } catch (error) {
      const soon = error instanceof NotYetError || isUnreachable(error);
      if (!soon || Date.now() >= end) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MILLISECONDS));
  }
}

/** A set that has a primary is looked at; else it is begun on the first member, unless that has begun it before. */
async function ensureSet(config: AccountConfig, wanted: ReplicaSet): Promise<'initiated' | 'unchanged'> {
  try {
    await as(config, null, 'admin', async (client) => {
      checkSet(await client.db('admin').command({ hello: 1 }), wanted);
    });
    return 'unchanged';
  } catch (error) {
    if (!isUnreachable(error)) throw error;
  }
  const first = { ...config, replicaSet: null };
  const ask =
    (login: Login | null) =>
    async (command: Document): Promise<Document> =>
      as(first, login, 'admin', async (client) => client.db('admin').command(command));
  return beginSet(ask(null), ask(config.root), wanted);
}

async function ensureRoot(config: AccountConfig, outcome: Outcome): Promise<void> {
  if (await accepted(config, config.root, 'admin')) return;
  const previous = config.previousRootPassword;
  if (previous === null) throw new RootRefusedError(config);
  const { username, password } = config.root;
  try {
    await as(config, { username, password: previous }, 'admin', async (client) =>
      client.db('admin').command({ updateUser: username, pwd: password, writeConcern: DURABLE }),
    );
  } catch (error) {
    throw isRefusal(error) ? new RootRefusedError(config) : error;
  }
  outcome.root = 'changed';
}

async function ensureUser(config: AccountConfig, outcome: Outcome): Promise<void> {
  const { database, user } = config;
  const roles = [{ role: 'readWrite', db: database }];
  const account = { pwd: user.password, roles, writeConcern: DURABLE };
  await as(config, config.root, 'admin', async (client) => {
    const db = client.db(database);
    const { users } = (await db.command({ usersInfo: user.username })) as { users: { roles: Document[] }[] };
    const [present] = users;
    if (present === undefined) {
      try {
        await db.command({ createUser: user.username, ...account });
        outcome.user = 'created';
        return;
      } catch (error) {
        // Another run may have been first.
        if (!(error instanceof MongoServerError) || error.code !== USER_EXISTS) throw error;
      }
    } else if (sameRoles(present.roles, roles) && (await accepted(config, user, database))) {
      return;
    }
    await db.command({ updateUser: user.username, ...account });
    if (outcome.user === 'unchanged') outcome.user = 'updated';
  });
  if (!(await accepted(config, user, database))) throw new UserRefusedError(config);
}

function sameRoles(present: readonly Document[], wanted: readonly { role: string; db: string }[]): boolean {
  const text = (it: Document): string => JSON.stringify([it.role, it.db]);
  return present.length === wanted.length && present.every((it, index) => text(it) === text(wanted[index] ?? {}));
}

/** Whether the server lets this user in and list what lies in its database. */
async function accepted(config: AccountConfig, login: Login, source: string): Promise<boolean> {
  try {
    await as(config, login, source, async (client) =>
      client.db(source).command({ listCollections: 1, nameOnly: true }),
    );
    return true;
  } catch (error) {
    if (isRefusal(error)) return false;
    throw error;
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === AUTHENTICATION_FAILED;
}

/** Runs `work` with a client of its own: one whose first connection failed stays closed. */
async function as<T>(
  config: AccountConfig,
  login: Login | null,
  authSource: string,
  work: (client: MongoClient) => Promise<T>,
): Promise<T> {
  const client = new MongoClient(uriOf(config), {
    ...(login === null ? {} : { auth: { username: login.username, password: login.password }, authSource }),
    ...reachOptions(config, true),
    appName: 'orthancgen-account',
    serverSelectionTimeoutMS: 2_000,
    connectTimeoutMS: 2_000,
    socketTimeoutMS: 30_000,
    maxPoolSize: 1,
  });
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

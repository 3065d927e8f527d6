/** The configuration of the program which makes the database's accounts. */
import { existsSync } from 'node:fs';
import { z } from 'zod';
import { ConfigError, databaseName, Files, host, path, port, readShape, replicaSet } from '../configfile.ts';
import type { Reached } from '../store/connection.ts';

const username = z.string().min(1).max(64);

const schema = z.strictObject({
  host,
  port,
  root: z.strictObject({
    username,
    password_file: path,
    previous_password_file: path.nullable().default(null),
  }),
  database: databaseName.refine((it) => !['admin', 'local', 'config'].includes(it), 'is the server’s own database'),
  user: z.strictObject({ username, password_file: path }),
  /** The members that the set is made of; `host` and `port` are those of the first, on which it is begun. */
  replica_set: replicaSet.nullable().default(null),
  tls_ca_file: path.nullable().default(null),
  wait_seconds: z.number().min(0).max(3600).default(60),
});

export interface Login {
  readonly username: string;
  readonly password: string;
}

/** The configuration with its secrets read. Must not be logged. */
export interface AccountConfig extends Reached {
  readonly root: Login;
  /** What root's password was until now; null where there is none to try. */
  readonly previousRootPassword: string | null;
  readonly database: string;
  readonly user: Login;
  /** How long to wait for a server that does not answer. */
  readonly waitSeconds: number;
}

/**
 * Reads and checks the file and the secrets it refers to.
 *
 * The file of the previous password may be absent or empty: then there is none.
 *
 * @throws ConfigError naming every problem found. No message holds a secret.
 */
export function loadAccountConfig(file: string): AccountConfig {
  const shape = readShape(schema, file);
  const files = new Files(file);
  const previous = shape.root.previous_password_file;
  const previousText =
    previous !== null && existsSync(files.where(previous)) ? files.text('root.previous_password_file', previous) : null;
  const root = files.secret('root.password_file', shape.root.password_file);
  const user = files.secret('user.password_file', shape.user.password_file);
  files.text('tls_ca_file', shape.tls_ca_file);
  if (files.problems.length > 0) throw new ConfigError(files.problems);
  return {
    host: shape.host,
    port: shape.port,
    replicaSet: shape.replica_set,
    tls: shape.tls_ca_file !== null,
    tlsCaFile: shape.tls_ca_file === null ? null : files.where(shape.tls_ca_file),
    root: { username: shape.root.username, password: root ?? '' },
    previousRootPassword:
      previousText === null || previousText.trim() === '' ? null : previousText.replace(/\r?\n$/, ''),
    database: shape.database,
    user: { username: shape.user.username, password: user ?? '' },
    waitSeconds: shape.wait_seconds,
  };
}

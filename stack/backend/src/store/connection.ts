/** How the database is reached: one server, or the members of a replica set, of whom the driver finds the primary. */
import type { MongoClientOptions } from 'mongodb';

export interface Server {
  readonly host: string;
  readonly port: number;
}

/** The members by which a replica set is found; more of them it tells itself. */
export interface ReplicaSet {
  readonly name: string;
  readonly members: readonly Server[];
}

export interface Reached extends Server {
  /** Null where one server is reached alone, by `host` and `port`. */
  readonly replicaSet: ReplicaSet | null;
  readonly tls: boolean;
  readonly tlsCaFile: string | null;
}

/** How long a call waits for a server: of a replica set, longer than its members take to elect a primary (10 s). */
const SELECTION_MILLISECONDS = { one: 3_000, several: 15_000 };

/** https://www.mongodb.com/docs/manual/reference/connection-string/ */
export function uriOf(reached: Reached): string {
  const servers = reached.replicaSet?.members ?? [reached];
  const listed = servers.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${String(port)}`);
  return `mongodb://${listed.join(',')}/`;
}

/**
 * What the driver is told beside the address.
 *
 * What is read of a replica set, a majority has: a signed report that a change of the primary takes back is never acted
 * on. A write that such a change cuts off the driver does once more, by itself.
 */
export function reachOptions(reached: Reached, directConnection: boolean): MongoClientOptions {
  const { replicaSet, tls, tlsCaFile } = reached;
  return {
    ...(tls || tlsCaFile !== null ? { tls: true } : {}),
    ...(tlsCaFile === null ? {} : { tlsCAFile: tlsCaFile }),
    ...(replicaSet === null
      ? { directConnection, serverSelectionTimeoutMS: SELECTION_MILLISECONDS.one }
      : {
          replicaSet: replicaSet.name,
          readConcern: { level: 'majority' as const },
          retryWrites: true,
          serverSelectionTimeoutMS: SELECTION_MILLISECONDS.several,
        }),
  };
}

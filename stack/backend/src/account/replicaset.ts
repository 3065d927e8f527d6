/**
 * The replica set of the database, begun once: its members are told of one another by the first of them.
 *
 * May be repeated: a set that is there already is left alone, and one whose members are others is an error that says
 * so, because members are added and taken away one at a time, by a person.
 */
import { MongoServerError, type Document } from 'mongodb';
import type { ReplicaSet, Server } from '../store/connection.ts';

/** The set cannot be begun yet, and may be soon: a member does not answer, or still makes its administrator. */
export class NotYetError extends Error {
  constructor(what: string) {
    super(`the replica set cannot be begun yet: ${what}`);
    this.name = 'NotYetError';
  }
}

/** The set is another one than is wanted. */
export class OtherSetError extends Error {
  constructor(what: string) {
    super(what);
    this.name = 'OtherSetError';
  }
}

const NODE_NOT_FOUND = 74;
const NO_REPLICATION = 76;
const ALREADY_INITIALIZED = 23;

/** Runs a command on the first member. */
export type Ask = (command: Document) => Promise<Document>;

/** host:port, as a member names itself. */
export function nameOf({ host, port }: Server): string {
  return `${host.includes(':') ? `[${host}]` : host}:${String(port)}`;
}

/**
 * Begins the set on its first member, if it has none yet.
 *
 * @param hello runs a command without a login
 * @param asRoot runs one as the administrator
 * @throws NotYetError, OtherSetError
 * @throws MongoError where the member refuses, or does not answer.
 */
export async function beginSet(hello: Ask, asRoot: Ask, wanted: ReplicaSet): Promise<'initiated' | 'unchanged'> {
  const state = await hello({ hello: 1 });
  if (typeof state.setName === 'string') {
    checkSet(state, wanted);
    return 'unchanged';
  }
  if (state.isreplicaset !== true) throw new NotYetError('the first member makes its administrator');
  const members = wanted.members.map((it, index) => ({ _id: index, host: nameOf(it) }));
  try {
    await asRoot({ replSetInitiate: { _id: wanted.name, members } });
    return 'initiated';
  } catch (error) {
    if (!(error instanceof MongoServerError)) throw error;
    // Another run was first.
    if (error.code === ALREADY_INITIALIZED) return 'unchanged';
    if (error.code === NODE_NOT_FOUND) throw new NotYetError('not every member answers');
    if (error.code === NO_REPLICATION) throw new NotYetError('the first member makes its administrator');
    throw error;
  }
}

/**
 * Whether what a member tells of its set is what is wanted.
 *
 * @throws OtherSetError
 */
export function checkSet(hello: Document, wanted: ReplicaSet): void {
  if (hello.setName !== wanted.name) {
    throw new OtherSetError(`the members are a replica set already, ${String(hello.setName)}, and not ${wanted.name}`);
  }
  const listed = [hello.hosts, hello.passives].flatMap((it) => (Array.isArray(it) ? (it as string[]) : []));
  const there = new Set(listed);
  const names = wanted.members.map(nameOf);
  const missing = names.filter((it) => !there.has(it));
  const more = listed.filter((it) => !names.includes(it));
  if (missing.length === 0 && more.length === 0) return;
  const steps = [...missing.map((it) => `rs.add("${it}")`), ...more.map((it) => `rs.remove("${it}")`)];
  throw new OtherSetError(
    `the replica set has the members ${listed.join(', ')}: as its administrator, on its primary, ` +
      `one after the other, run ${steps.join(', ')}`,
  );
}

/**
 * Sessions: who is logged in, kept in the database so that a restart logs nobody out.
 *
 * The browser has a random token in a cookie; the database has the token's digest alone, so that a copy of the database
 * opens no session. A session ends when it was not used for a while, at the latest after a working day, and as soon as
 * the person is no longer in the file or has another role there.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Collection } from 'mongodb';
import type { Person, PersonRole } from './people.ts';

export interface SessionDocument {
  /** SHA-256 of the token, hexadecimal. */
  _id: string;
  user: string;
  role: PersonRole;
  /** What a page must send along with each change, in a header: another site's page cannot know it. */
  csrf: string;
  created_at: Date;
  seen_at: Date;
  expires_at: Date;
  address: string;
}

export interface SessionLimits {
  /** Without a request for so long, the session ends. */
  readonly idleMinutes: number;
  /** It ends after so long in any case. */
  readonly longestHours: number;
}

/** The time of the last use is written down at most so often. */
const TOUCH_MILLISECONDS = 30_000;
const TOKEN_BYTES = 32;
const MINUTE = 60_000;

const digest = (token: string): string => createHash('sha256').update(token, 'utf8').digest('hex');
const random = (): string => randomBytes(TOKEN_BYTES).toString('base64url');

export class Sessions {
  readonly #collection: Collection<SessionDocument>;
  readonly #people: ReadonlyMap<string, Person>;
  readonly #limits: SessionLimits;

  constructor(collection: Collection<SessionDocument>, people: readonly Person[], limits: SessionLimits) {
    this.#collection = collection;
    this.#people = new Map(people.map((it) => [it.name, it]));
    this.#limits = limits;
  }

  /** Begins a session; the token is for the cookie and nowhere else. */
  async begin(person: Person, address: string, now: Date): Promise<{ token: string; session: SessionDocument }> {
    const token = random();
    const session: SessionDocument = {
      _id: digest(token),
      user: person.name,
      role: person.role,
      csrf: random(),
      created_at: now,
      seen_at: now,
      expires_at: this.#expiry(now, now),
      address,
    };
    await this.#collection.insertOne(session);
    return { token, session };
  }

  /** The session of a token, and its use noted; null where it has ended or never was. */
  async of(token: string, now: Date): Promise<SessionDocument | null> {
    const session = await this.#collection.findOne({ _id: digest(token) });
    if (session === null) return null;
    const person = this.#people.get(session.user);
    if (session.expires_at <= now || person?.role !== session.role) {
      await this.end(session);
      return null;
    }
    if (now.getTime() - session.seen_at.getTime() < TOUCH_MILLISECONDS) return session;
    const used = { seen_at: now, expires_at: this.#expiry(session.created_at, now) };
    // One that was ended meanwhile is not brought back: nothing is inserted.
    await this.#collection.updateOne({ _id: session._id }, { $set: used });
    return { ...session, ...used };
  }

  /** Whether the session of a token is open; its use is not noted. */
  async peek(token: string, now: Date): Promise<boolean> {
    const session = await this.#collection.findOne({ _id: digest(token) });
    return session !== null && session.expires_at > now && this.#people.get(session.user)?.role === session.role;
  }

  async end(session: Pick<SessionDocument, '_id'>): Promise<void> {
    await this.#collection.deleteOne({ _id: session._id });
  }

  #expiry(created: Date, used: Date): Date {
    const idle = used.getTime() + this.#limits.idleMinutes * MINUTE;
    return new Date(Math.min(idle, created.getTime() + this.#limits.longestHours * 60 * MINUTE));
  }
}

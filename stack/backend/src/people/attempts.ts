/**
 * Failed logins: after a few of them a user waits, each time twice as long, wherever the attempts come from.
 *
 * Kept in the database: a restart forgives nothing. Users who do not exist are not counted, or anybody could fill the
 * database with names; they are limited by the address alone, as everybody is.
 */
import type { Collection } from 'mongodb';

export interface AttemptsDocument {
  /** The user's name. */
  _id: string;
  failures: number;
  /** Until then every login of this user is refused unlooked at. */
  blocked_until: Date;
  /** When it is forgotten, by the database itself. */
  expires_at: Date;
}

const FREE_FAILURES = 5;
const FIRST_WAIT_MILLISECONDS = 5_000;
const LONGEST_WAIT_MILLISECONDS = 15 * 60_000;
const REMEMBERED_MILLISECONDS = 24 * 60 * 60_000;

/** How long to wait after so many failures in a row. */
export function waitAfter(failures: number): number {
  if (failures < FREE_FAILURES) return 0;
  return Math.min(LONGEST_WAIT_MILLISECONDS, FIRST_WAIT_MILLISECONDS * 2 ** Math.min(failures - FREE_FAILURES, 20));
}

export class Attempts {
  readonly #collection: Collection<AttemptsDocument>;

  constructor(collection: Collection<AttemptsDocument>) {
    this.#collection = collection;
  }

  /** Milliseconds which the user must still wait; 0 where a login is looked at. */
  async wait(user: string, now: Date): Promise<number> {
    const found = await this.#collection.findOne({ _id: user });
    return found === null ? 0 : Math.max(0, found.blocked_until.getTime() - now.getTime());
  }

  /** Notes a failure. */
  async failed(user: string, now: Date): Promise<void> {
    const counted = await this.#collection.findOneAndUpdate(
      { _id: user },
      {
        $inc: { failures: 1 },
        $set: { expires_at: new Date(now.getTime() + REMEMBERED_MILLISECONDS) },
        $setOnInsert: { blocked_until: new Date(0) },
      },
      { upsert: true, returnDocument: 'after' },
    );
    const wait = waitAfter(counted?.failures ?? 1);
    if (wait > 0) {
      await this.#collection.updateOne({ _id: user }, { $set: { blocked_until: new Date(now.getTime() + wait) } });
    }
  }

  /** A login that succeeded makes up for the failures before it. */
  async succeeded(user: string): Promise<void> {
    await this.#collection.deleteOne({ _id: user });
  }
}

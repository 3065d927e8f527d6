/**
 * Numbers of changes that are not there yet.
 *
 * In PostgreSQL a transaction takes the number of its change when it writes the line, and shows the line when it ends.
 * One that began earlier may end later: a reader who has passed the number would never see the line. So each number
 * that was passed over is looked for again, until no transaction can be that old. Numbers of transactions that failed
 * never come. https://www.postgresql.org/docs/current/functions-sequence.html (nextval is never rolled back)
 */
import type { Change } from '../orthanc.ts';
import { orthancDate } from './records.ts';

/** Longer than any transaction of Orthanc: it waits at most so long for a lock. */
export const HOLE_MILLISECONDS = 60_000;
/** What was written so long ago has no neighbour that is still at work, whatever the clocks of two hosts differ by. */
const OLD_MILLISECONDS = 600_000;
/** A gap this wide is of a log that was erased or of resources that were deleted, not of transactions at work. */
const WIDEST = 1_000;

/** Consecutive numbers, both ends included. */
export interface Run {
  readonly first: number;
  readonly last: number;
}

export class Holes {
  /** Number -> when it was first passed over. */
  readonly #seen = new Map<number, number>();

  get size(): number {
    return this.#seen.size;
  }

  /** The smallest one, or null. Everything below it is settled. */
  get first(): number | null {
    let smallest: number | null = null;
    for (const seq of this.#seen.keys()) if (smallest === null || seq < smallest) smallest = seq;
    return smallest;
  }

  /** Notes what lies between the changes that were read, in order, after number `since`. */
  pass(since: number, changes: readonly Change[], now: number): void {
    let before = since;
    for (const { Seq, Date: date } of changes) {
      const recent = now - (orthancDate(date)?.getTime() ?? now) < OLD_MILLISECONDS;
      if (recent && Seq - before - 1 <= WIDEST)
        for (let seq = before + 1; seq < Seq; seq += 1) this.#seen.set(seq, now);
      before = Math.max(before, Seq);
    }
  }

  /** What is to be asked for again, in order. */
  runs(): Run[] {
    const runs: { first: number; last: number }[] = [];
    for (const seq of [...this.#seen.keys()].toSorted((a, b) => a - b)) {
      const open = runs.at(-1);
      if (open?.last === seq - 1) open.last = seq;
      else runs.push({ first: seq, last: seq });
    }
    return runs;
  }

  /** Forgets those that have come. */
  fill(changes: readonly Change[]): void {
    for (const { Seq } of changes) this.#seen.delete(Seq);
  }

  /** Forgets those that will not come any more. */
  expire(now: number): void {
    for (const [seq, since] of this.#seen) if (now - since >= HOLE_MILLISECONDS) this.#seen.delete(seq);
  }

  clear(): void {
    this.#seen.clear();
  }
}

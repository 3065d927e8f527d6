/** Rows in one order. Changes are taken in when the order is asked for: one pass, however many they were. */

/** What is listed. A row never changes: another one takes its place, and it is `gone`. */
export interface Row {
  readonly id: string;
  gone: boolean;
}

/** Less than 0 where `a` stands before `b`. */
export type Compare<R> = (a: R, b: R) => number;

export class Sorted<R extends Row> {
  readonly #compare: Compare<R>;
  #rows: readonly R[] = [];
  #added: R[] = [];
  #outdated = false;

  constructor(compare: Compare<R>) {
    this.#compare = compare;
  }

  add(row: R): void {
    this.#added.push(row);
  }

  /** Some of the rows are gone. */
  noteGone(): void {
    this.#outdated = true;
  }

  /** The rows of this moment in their order; an array that was given out stays as it is. */
  get rows(): readonly R[] {
    if (!this.#outdated && this.#added.length === 0) return this.#rows;
    const kept = this.#outdated ? this.#rows.filter((it) => !it.gone) : this.#rows;
    const added = this.#added.filter((it) => !it.gone).sort(this.#compare);
    this.#rows = added.length === 0 ? kept : merge(kept, added, this.#compare);
    this.#added = [];
    this.#outdated = false;
    return this.#rows;
  }
}

function merge<R>(kept: readonly R[], added: readonly R[], compare: Compare<R>): R[] {
  const merged: R[] = [];
  let next = 0;
  for (const it of kept) {
    for (let other = added[next]; other !== undefined && compare(other, it) < 0; other = added[next]) {
      merged.push(other);
      next += 1;
    }
    merged.push(it);
  }
  for (const it of added.slice(next)) merged.push(it);
  return merged;
}

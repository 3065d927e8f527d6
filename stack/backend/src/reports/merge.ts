/**
 * A save into a report that may have changed since: field by field.
 *
 * Fields that nobody else changed take the new text. Where somebody else changed the same field, theirs stays and the
 * new text is a conflict, which is kept and shown.
 */
import type { FieldValue } from './model.ts';

/** What a page sends: the fields that were changed in it, and the revision it had seen. */
export interface Save {
  readonly revision: number;
  readonly editor: string;
  /** Counts the saves of this page. */
  readonly sequence: number;
  readonly fields: Readonly<Record<string, string>>;
}

export interface Clash {
  readonly field: string;
  readonly value: string;
  readonly other: FieldValue;
}

export interface Merged {
  readonly changed: Readonly<Record<string, FieldValue>>;
  readonly clashes: readonly Clash[];
}

/**
 * @param current the fields as they are, at `revision`
 * @returns the fields to write, at `revision + 1`, and the texts that may not be written
 */
export function merge(
  current: Readonly<Record<string, FieldValue>>,
  revision: number,
  save: Save,
  by: string,
  at: Date,
): Merged {
  const changed: Record<string, FieldValue> = {};
  const clashes: Clash[] = [];
  for (const [field, value] of Object.entries(save.fields)) {
    const now = current[field];
    const own = now?.editor === save.editor;
    // The page's own saves may overtake each other, as the last one does when a page is left.
    if (now !== undefined && own && save.sequence <= now.sequence) continue;
    if ((now?.value ?? '') === value) continue;
    if (now !== undefined && !own && now.revision > save.revision) {
      clashes.push({ field, value, other: now });
      continue;
    }
    const { editor, sequence } = save;
    changed[field] = { value, origin: null, confirmed: true, by, at, revision: revision + 1, editor, sequence };
  }
  return { changed, clashes };
}

/**
 * How a dump is written: one JSON document a line, in the canonical form of MongoDB Extended JSON v2, which keeps every
 * BSON type (https://www.mongodb.com/docs/manual/reference/mongodb-extended-json/).
 *
 * `{"dump": {...}}`, then for each collection `{"collection": {...}}` and its documents as `{"document": {...}}`, then
 * `{"end": {...}}` with how many documents each collection has: a dump without its end was cut off.
 */
import { BSON, type Document } from 'mongodb';
import { z } from 'zod';

export const FORMAT = 1;

/** How many documents each collection has, by its name. */
export type Counts = Record<string, number>;

const line = z.union([
  z.strictObject({ dump: z.strictObject({ format: z.literal(FORMAT), database: z.string(), version: z.string() }) }),
  z.strictObject({
    collection: z.strictObject({
      name: z.string().min(1),
      options: z.record(z.string(), z.unknown()),
      indexes: z.array(z.strictObject({ key: z.record(z.string(), z.unknown()), name: z.string() }).loose()),
    }),
  }),
  z.strictObject({ document: z.record(z.string(), z.unknown()) }),
  z.strictObject({ end: z.strictObject({ documents: z.record(z.string(), z.number()) }) }),
]);

export type Line = z.infer<typeof line>;

/** A dump cannot be read, or not to its end. */
export class DumpError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DumpError';
  }
}

export function write(it: Line): string {
  // JSON allows the two line separators of Unicode within a string; a reader of lines may end a line there.
  const text = BSON.EJSON.stringify(it, { relaxed: false });
  return `${text.replace(/[\u2028\u2029]/g, (found) => (found === '\u2028' ? '\\u2028' : '\\u2029'))}\n`;
}

/** @throws DumpError telling the number of the line, never what stands in it. */
export function read(text: string, number: number): Line {
  let value: Document;
  try {
    value = BSON.EJSON.parse(text, { relaxed: false }) as Document;
    if (typeof value === 'object' && 'document' in value) return value as Line;
    value = BSON.EJSON.parse(text, { relaxed: true }) as Document;
  } catch {
    throw new DumpError(`line ${String(number)} is not JSON`);
  }
  const parsed = line.safeParse(value);
  if (!parsed.success) throw new DumpError(`line ${String(number)} is not of a dump of format ${String(FORMAT)}`);
  return parsed.data;
}

/** Fills the records from a dump. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Db, Document } from 'mongodb';
import { DumpError, read, type Counts, type Line } from './format.ts';

const BATCH = 500;

/** There are records already. */
export class NotEmptyError extends Error {
  constructor(names: readonly string[]) {
    super(`the database holds records (${names.join(', ')}): only an empty one is filled; --replace drops them`);
    this.name = 'NotEmptyError';
  }
}

/**
 * Reads a dump to its end without keeping it, to know that it is whole before anything is changed.
 *
 * @throws DumpError where it was cut off or is none.
 */
export async function check(file: string): Promise<Counts> {
  const seen: Counts = {};
  let collection: string | null = null;
  let end: Counts | null = null;
  let number = 0;
  for await (const it of lines(file)) {
    number += 1;
    if ((number === 1) !== 'dump' in it) throw new DumpError('the file does not begin as a dump');
    if (end !== null) throw new DumpError(`line ${String(number)} stands after the end`);
    if ('collection' in it) {
      collection = it.collection.name;
      seen[collection] = 0;
    } else if ('document' in it) {
      if (collection === null) throw new DumpError(`line ${String(number)}: a document without a collection`);
      seen[collection] = (seen[collection] ?? 0) + 1;
    } else if ('end' in it) end = it.end.documents;
  }
  if (end === null) throw new DumpError('the dump has no end: it was cut off');
  for (const name of new Set([...Object.keys(seen), ...Object.keys(end)])) {
    if (seen[name] !== end[name]) {
      throw new DumpError(`${name}: ${String(seen[name])} documents, of which the end says ${String(end[name])}`);
    }
  }
  return seen;
}

/**
 * Fills the database: collections with their options, documents, indexes.
 *
 * @throws NotEmptyError where there are records and `replace` is not given; nothing is changed then.
 * @throws DumpError where the file is no whole dump; nothing is changed then.
 */
export async function load(db: Db, file: string, replace: boolean): Promise<Counts> {
  const counts = await check(file);
  const present = (await db.listCollections({}, { nameOnly: true }).toArray())
    .map((it) => it.name)
    .filter((it) => !it.startsWith('system.'));
  const filled = [];
  for (const name of present)
    if ((await db.collection(name).findOne({}, { projection: { _id: 1 } })) !== null) filled.push(name);
  if (filled.length > 0 && !replace) throw new NotEmptyError(filled.toSorted());
  for (const name of present) await db.dropCollection(name);

  let name = '';
  let indexes: (Document & { key: Document })[] = [];
  let batch: Document[] = [];
  const flush = async (): Promise<void> => {
    if (batch.length > 0)
      await db.collection(name).insertMany(batch, { writeConcern: { w: 'majority', journal: true } });
    batch = [];
  };
  const close = async (): Promise<void> => {
    await flush();
    const made = indexes
      .filter((it) => Object.keys(it.key).join() !== '_id')
      .map(({ v: _v, ns: _ns, ...rest }) => rest);
    if (made.length > 0) await db.collection(name).createIndexes(made);
    indexes = [];
  };
  for await (const it of lines(file)) {
    if ('document' in it) {
      batch.push(it.document);
      if (batch.length === BATCH) await flush();
    } else {
      await close();
      if ('collection' in it) {
        ({ name } = it.collection);
        indexes = it.collection.indexes;
        await db.createCollection(name, it.collection.options);
      }
    }
  }
  return counts;
}

async function* lines(file: string): AsyncGenerator<Line> {
  let number = 0;
  for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    number += 1;
    yield read(text, number);
  }
}

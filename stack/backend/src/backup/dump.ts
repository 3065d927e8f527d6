/** Writes every collection of the records in a form that any MongoDB-compatible server can load. */
import type { CollectionInfo, Db, Document } from 'mongodb';
import { VERSION } from '../version.ts';
import { FORMAT, write, type Counts } from './format.ts';

/**
 * Read first: its cursor says what of Orthanc's log of changes is recorded, and must not be ahead of the records, which
 * may change while they are read. What they are ahead of the cursor is recorded again, to the same effect.
 */
const FIRST = 'state';

/** Gives `out` the lines, and resolves to what they hold. The order is always the same, so that copies are alike. */
export async function dump(db: Db, out: (text: string) => Promise<void>): Promise<Counts> {
  const collections = (await db.listCollections().toArray())
    .filter((it): it is CollectionInfo => it.type !== 'view' && !it.name.startsWith('system.'))
    .toSorted((a, b) => rank(a.name) - rank(b.name) || (a.name < b.name ? -1 : 1));
  const documents: Counts = {};
  await out(write({ dump: { format: FORMAT, database: db.databaseName, version: VERSION } }));
  for (const { name, options } of collections) {
    const indexes = (await db.collection(name).indexes()) as (Document & { key: Document; name: string })[];
    await out(write({ collection: { name, options: { ...options }, indexes } }));
    documents[name] = 0;
    // Without promotion 3.0 stays a double and 3 an integer.
    const found = db.collection(name).find({}, { promoteValues: false, promoteLongs: false, bsonRegExp: true });
    for await (const document of found.sort({ _id: 1 }).batchSize(500)) {
      await out(write({ document }));
      documents[name] += 1;
    }
  }
  await out(write({ end: { documents } }));
  return documents;
}

function rank(name: string): number {
  return name === FIRST ? 0 : 1;
}

/** A backend on a database full of studies, and what it asks of it. */
import { Collection, type Db, type Document } from 'mongodb';
import { vi } from 'vitest';
import { until, type BackendServer } from './servers.ts';

/** Waits until the backend's lists no longer come from searches of the database. */
export async function untilListed(backend: BackendServer, seconds = 60): Promise<void> {
  await until(
    'the list is read',
    async () => Promise.resolve(backend.output.includes('list of studies is read')),
    seconds,
  );
}

interface Asked {
  readonly collection: string;
  readonly filter: Document;
}

/** Every find of this process from now on. */
export function watchFinds(): { readonly asked: Asked[]; stop: () => void } {
  const asked: Asked[] = [];
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called on the collection it was called on
  const { find } = Collection.prototype;
  const spy = vi.spyOn(Collection.prototype, 'find').mockImplementation(function (this: Collection, ...given) {
    asked.push({ collection: this.collectionName, filter: given[0] });
    return find.apply(this, given);
  });
  return {
    asked,
    stop: () => {
      spy.mockRestore();
    },
  };
}

/** The plan the database makes for what was asked: the index it uses, or COLLSCAN. */
export async function planOf(db: Db, { collection, filter }: Asked): Promise<string> {
  const { queryPlanner } = await db.command({ explain: { find: collection, filter }, verbosity: 'queryPlanner' });
  const { winningPlan } = queryPlanner as { winningPlan: Document };
  const text = JSON.stringify(winningPlan);
  if (text.includes('COLLSCAN')) return 'COLLSCAN';
  return /"indexName":"([^"]+)"/.exec(text)?.[1] ?? /"stage":"(IDHACK|EOF)"/.exec(text)?.[1] ?? text;
}

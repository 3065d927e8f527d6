/** The list in memory against sorting and filtering everything anew, through many changes. */
import { describe, expect, it } from 'vitest';
import { Catalogue } from '../../src/catalogue/catalogue.ts';
import { patientQuery, studyQuery } from '../../src/http/schemas.ts';
import type { StudyDocument } from '../../src/store/documents.ts';
import { KINDS, synthetic } from '../synthetic.ts';

const studies = (count: number, seed: number): StudyDocument[] => [...synthetic(count, seed)].map((it) => it.study);
const ask = async (it: Catalogue, query: Record<string, string>): Promise<readonly string[]> =>
  (await it.studies(studyQuery.parse({ limit: '500', ...query }))).ids;

describe('the catalogue', () => {
  it('stays what one made at once would be, whatever was written and removed, and when it was looked at', async () => {
    const there = new Map<string, StudyDocument>();
    const kept = new Catalogue();
    for (let round = 1; round <= 8; round += 1) {
      const fresh = studies(40, round);
      const changed = [...there.values()]
        .filter((_, index) => index % 5 === round % 5)
        .map((it) => ({ ...it, number_of_instances: round, changed_at: new Date(round) }));
      const removed = [...there.keys()].filter((_, index) => index % 7 === round % 7);
      for (const it of [...fresh, ...changed]) there.set(it._id, it);
      for (const id of removed) there.delete(id);
      const news = kept.apply([...fresh, ...changed], removed);
      expect(new Set(news)).toEqual(new Set([...fresh, ...changed].map((it) => it._id).concat(removed)));
      expect(
        kept.apply(
          [...fresh, ...changed].filter((it) => there.has(it._id)),
          removed,
        ),
      ).toEqual([]);
      if (round % 3 === 0) continue; // changes gather
      const anew = new Catalogue();
      anew.apply([...there.values()], []);
      expect(kept.size).toBe(there.size);
      for (const sort of ['received', 'study_date', 'patient_name', 'patient_id', 'accession_number', 'instances']) {
        for (const kind of Object.values(KINDS)) {
          const query = { ...kind, sort, order: round % 2 === 0 ? 'asc' : 'desc' };
          expect(await ask(kept, query)).toEqual(await ask(anew, query));
        }
      }
      const people = patientQuery.parse({ sort: 'studies', limit: '500' });
      expect(await kept.patients(people)).toEqual(await anew.patients(people));
    }
  });

  it('orders alike ones by identifier, and the other way round from the end', async () => {
    const alike = studies(9, 1).map((it) => ({ ...it, study_date: '20260101' }));
    const catalogue = new Catalogue();
    for (const it of alike) catalogue.apply([it], []);
    const ids = alike.map((it) => it._id).toSorted();
    expect(await ask(catalogue, { sort: 'study_date' })).toEqual(ids);
    expect(await ask(catalogue, { sort: 'study_date', order: 'asc' })).toEqual(ids.toReversed());
  });

  it('gives what was found in one moment, whatever comes while it looks', async () => {
    const catalogue = new Catalogue();
    catalogue.apply(studies(60_000, 1), []);
    const looking = catalogue.studies(studyQuery.parse({ q: 'a', limit: '500' }));
    const before = catalogue.size;
    catalogue.apply([], await ask(catalogue, {}));
    const found = await looking;
    expect(catalogue.size).toBe(before - 500);
    expect(found.ids).toHaveLength(500);
    expect(found.total).toBeGreaterThan(500);
  });
});

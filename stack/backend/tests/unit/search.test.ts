import { describe, expect, it } from 'vitest';
import { instanceQuery, patientQuery, recordParams, studyQuery } from '../../src/http/schemas.ts';
import { escapeRegex, patientFilter, studyFilter, studySort } from '../../src/store/search.ts';

const study = (query: Record<string, unknown>): ReturnType<typeof studyFilter> => studyFilter(studyQuery.parse(query));

describe('escapeRegex', () => {
  it.each(['.*', '^$', '(a+)+$', '[a-z]', 'a{9999}', '\\', '|', 'a/b', '-', '+?'])(
    '%j matches itself alone',
    (text) => {
      const regex = new RegExp(`^${escapeRegex(text)}$`);
      expect(regex.test(text)).toBe(true);
      expect(regex.test(`${text}x`)).toBe(false);
      expect(regex.test('anything')).toBe(false);
    },
  );
});

describe('studyFilter', () => {
  it('is empty without a question', () => {
    expect(study({})).toEqual({});
  });

  it('wants each word of a name', () => {
    expect(study({ patient_name: 'Jérôme BUC^' })).toEqual({
      $and: [{ 'search.patient_name': { $regex: 'jerome' } }, { 'search.patient_name': { $regex: 'buc' } }],
    });
  });

  it('holds no operator from the caller, only its text', () => {
    const hostile = ['$where', '{"$gt":""}', '.*', '(a+)+$', '[$ne]=1', "'; return true; //"];
    for (const text of hostile) {
      const filter = JSON.stringify(study({ q: text, patient_id: text, sender: text }));
      const operators = new Set([...filter.matchAll(/"(\$[a-zA-Z]+)":/g)].map((it) => it[1]));
      expect([...operators].filter((it) => !['$and', '$or', '$regex', '$in'].includes(it ?? ''))).toEqual([]);
    }
  });

  it('takes a day range in either form', () => {
    expect(study({ study_date_from: '2026-01-02', study_date_to: '20260103' })).toEqual({
      $and: [{ study_date: { $gte: '20260102', $lte: '20260103' } }],
    });
  });

  it('looks for several modalities', () => {
    expect(study({ modality: 'ct,MR' })).toEqual({ $and: [{ modalities_in_study: { $in: ['CT', 'MR'] } }] });
  });

  it('limits the words', () => {
    const filter = study({ patient_name: Array.from({ length: 50 }, (_, i) => `w${String(i)}`).join(' ') });
    expect(filter.$and).toHaveLength(8);
  });

  it('orders alike records by identifier', () => {
    expect(Object.keys(studySort(studyQuery.parse({ sort: 'patient_name', order: 'asc' })))).toEqual([
      'search.patient_name',
      '_id',
    ]);
  });

  it('has the same for patients', () => {
    expect(patientFilter(patientQuery.parse({ patient_id: 'A.1' }))).toEqual({
      $and: [{ 'search.patient_id': { $regex: 'a\\.1' } }],
    });
  });
});

describe('a query is refused', () => {
  it.each([
    [{ limit: '0' }],
    [{ limit: '501' }],
    [{ limit: '-1' }],
    [{ limit: '1e2' }],
    [{ limit: ['1', '2'] }],
    [{ offset: 'x' }],
    [{ patient_name: 'a\0b' }],
    [{ patient_name: 'x'.repeat(257) }],
    [{ patient_name: '' }],
    [{ patient_name: '^^' }],
    [{ patient_name: { $ne: '' } }],
    [{ 'patient_name[$ne]': '' }],
    [{ study_date_from: '20260230' }],
    [{ study_date_from: 'yesterday' }],
    [{ received_from: '2026-01-01' }],
    [{ modality: 'CT;MR' }],
    [{ sort: '$where' }],
    [{ order: '1' }],
    [{ unknown: '1' }],
  ])('%j', (query) => {
    expect(studyQuery.safeParse(query).success).toBe(false);
  });

  it.each(['1.2.3; drop', '..\\..', '1'.repeat(65), 'a', ''])('identifier %j', (id) => {
    expect(recordParams.safeParse({ id }).success).toBe(false);
    expect(instanceQuery.safeParse({ sop_instance_uid: id }).success).toBe(false);
  });
});

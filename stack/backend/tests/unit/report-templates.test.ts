/** Templates of reports: what they ask for, and what is filled in from the record and from analyses. */
import { describe, expect, it } from 'vitest';
import type { ResultDocument } from '../../src/analysis/documents.ts';
import { offersOf, taken } from '../../src/reports/newer.ts';
import { fromResults } from '../../src/reports/analyses.ts';
import type { ReportDocument } from '../../src/reports/model.ts';
import { prefill } from '../../src/reports/prefill.ts';
import { fieldsOf, readable, suitableTemplate, TEMPLATES, violationOf } from '../../src/reports/templates.ts';
import type { SeriesDocument, StudyDocument } from '../../src/store/documents.ts';

const study = {
  _id: 'orthanc-id',
  study_instance_uid: '1.2.3',
  modalities_in_study: ['CT'],
  study_description: 'Head\0 <b>plain</b>',
  study_date: '20260102',
} as StudyDocument;
const series = (modality: string, part: string | null, description: string | null): SeriesDocument =>
  ({ modality, body_part_examined: part, series_description: description, protocol_name: null }) as SeriesDocument;

const HEAD = named(new Map(TEMPLATES.map((it) => [it.id, it])), 'ct-head');
function named<T>(all: ReadonlyMap<string, T>, key: string): T {
  const found = all.get(key);
  if (found === undefined) throw new Error(`there is no ${key}`);
  return found;
}

describe('templates', () => {
  it('have fields of their own names, and something to be filled in', () => {
    for (const it of TEMPLATES) {
      const ids = fieldsOf(it).map((one) => one.id);
      expect(new Set(ids).size, it.id).toBe(ids.length);
      expect(fieldsOf(it).filter((one) => one.required).length, it.id).toBeGreaterThan(0);
    }
    expect(new Set(TEMPLATES.map((it) => it.id)).size).toBe(TEMPLATES.length);
  });

  it.each([
    ['CT', 'HEAD', 'ct-head'],
    ['CT', 'chest', 'ct-chest'],
    ['MR', 'KNEE', 'mr-knee'],
    ['DX', 'CHEST', 'cr-chest'],
    ['US', 'LIVER', 'us-abdomen'],
    ['CT', null, 'generic'],
    ['XA', 'HEAD', 'generic'],
  ])('for %s of %s: %s', (modality, part, id) => {
    expect(suitableTemplate([series(modality, part, null)]).id).toBe(id);
  });

  it('know what a number and a choice are', () => {
    const fields = new Map(fieldsOf(HEAD).map((it) => [it.id, it]));
    const shift = named(fields, 'midline_shift');
    const bleeding = named(fields, 'haemorrhage');
    expect(['', '3', '3,5', '50'].map((it) => violationOf(shift, it))).toEqual([null, null, null, null]);
    for (const it of ['12.', 'x', '51', '-1', '1e3', '٣']) expect(violationOf(shift, it), it).not.toBeNull();
    expect(violationOf(bleeding, 'maybe')).not.toBeNull();
    expect(readable(bleeding, 'yes', 'de')).toBe('Ja');
    expect(readable(shift, '3', 'fr')).toBe('3 mm');
  });

  it('are filled from the record, from a source first, and nothing counts as confirmed', () => {
    const origin = { kind: 'measurement', source: 'measurer 1.0' } as const;
    const fields = prefill(
      HEAD,
      study,
      [series('CT', 'HEAD', 'Axial 5 mm'), series('CT', 'HEAD', 'Axial 5 mm'), series('CT', 'HEAD', null)],
      [
        { field: 'midline_shift', value: '4', origin },
        { field: 'haemorrhage', value: 'not a choice', origin },
        { field: 'unknown', value: 'x', origin },
      ],
    );
    expect(Object.keys(fields)).toEqual(['examination', 'technique', 'midline_shift']);
    expect(fields.examination).toMatchObject({ value: 'CT, Head  <b>plain</b>, 2026-01-02', confirmed: false });
    expect(fields.technique?.value).toBe('CT Axial 5 mm; CT');
    expect(fields.midline_shift?.origin).toEqual(origin);
    expect(Object.values(fields).every((it) => !it.confirmed && it.by === null)).toBe(true);
  });
});

describe('results of analyses', () => {
  const result = (id: string, kind: 'measurement' | 'model', at: string, more: object = {}): ResultDocument =>
    ({
      at: new Date(at),
      provider: { id, version: '1.0', title: `The ${id}`, kind },
      analysis: { statement: 'Measurement, not a diagnosis', findings: [], measurements: [], ...more },
    }) as unknown as ResultDocument;
  const measurements = [{ name: 'snr', title: 'SNR', value: 12.345678, unit: '1' }];
  const findings = [{ name: 'x', text: '<script>\n\u0000alert(1)</script>', confidence: 0.93456 }];

  it('give the newest of each provider, with its statement, as text that is not confirmed', () => {
    const found = fromResults([
      result('quality', 'measurement', '2026-01-02', { measurements }),
      result('quality', 'measurement', '2026-01-01', { measurements: [{ ...measurements[0], value: 1 }] }),
      result('model', 'model', '2026-01-01', { findings }),
      result('silent', 'model', '2026-01-01'),
    ]);
    const [one, two] = found;
    expect(found).toHaveLength(2);
    expect(one).toEqual({
      field: 'measurements',
      value: 'The quality 1.0\nSNR: 12.35\nMeasurement, not a diagnosis',
      origin: { kind: 'measurement', source: 'quality 1.0' },
    });
    expect(two?.origin).toEqual({ kind: 'analysis', source: 'model 1.0' });
    const fields = prefill(HEAD, study, [], found);
    expect(fields.measurements).toMatchObject({ value: one?.value, confirmed: false, origin: one?.origin });
    expect(fields.analysis?.value).toContain('<script>  alert(1)</script> (confidence 0.9346)');
  });

  it('that come later are offered once, below what was typed, and are not confirmed', () => {
    const value = {
      value: '',
      origin: null,
      confirmed: true,
      by: 'a',
      at: null,
      revision: 3,
      editor: null,
      sequence: 0,
    };
    const given = fromResults([result('quality', 'measurement', '2026-01-02', { measurements })]);
    const report = (fields: ReportDocument['fields'], offered: Record<string, string> = {}): ReportDocument =>
      ({ fields, offered, revision: 7 }) as unknown as ReportDocument;

    const [fresh] = offersOf(HEAD, report({}), given);
    expect(fresh).toMatchObject({ field: 'measurements', replaces: true, origin: { source: 'quality 1.0' } });
    if (fresh === undefined) throw new Error('nothing is offered');
    expect(offersOf(HEAD, report({}, { measurements: fresh.digest }), given)).toEqual([]);
    expect(offersOf(HEAD, report({ measurements: { ...value, value: `x\n${fresh.value}` } }), given)).toEqual([]);

    const untouched = { ...value, value: 'old', origin: { kind: 'measurement', source: 'quality 0.9' } as const };
    expect(offersOf(HEAD, report({ measurements: untouched }), given)[0]?.replaces).toBe(true);

    const typed = report({ measurements: { ...value, value: 'Typed.\n' } });
    const [below] = offersOf(HEAD, typed, given);
    if (below === undefined) throw new Error('nothing is offered');
    expect(taken(typed, below)).toMatchObject({
      value: `Typed.\n\n${fresh.value}`,
      confirmed: false,
      by: null,
      revision: 8,
      origin: { kind: 'measurement' },
    });
  });

  it('are few lines, whatever a provider answers', () => {
    const many = Array.from({ length: 2_000 }, () => ({ ...measurements[0], title: 'x'.repeat(64) }));
    const [found] = fromResults([result('loud', 'measurement', '2026-01-02', { measurements: many })]);
    expect(found?.value.split('\n')).toHaveLength(18);
    expect(found?.value).toContain('and 1985 more');
  });

  it('have their fields in every template', () => {
    for (const it of TEMPLATES) {
      expect(
        fieldsOf(it).map((one) => one.id),
        it.id,
      ).toEqual(expect.arrayContaining(['measurements', 'analysis']));
    }
  });
});

/** Reports without servers: who may do what when, saves that meet, templates, and the files that are made of them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { ResultDocument } from '../../src/analysis/documents.ts';
import { ROLES, type Role } from '../../src/config.ts';
import { offersOf, taken } from '../../src/reports/newer.ts';
import { fromResults } from '../../src/reports/analyses.ts';
import { encapsulate } from '../../src/reports/encapsulate.ts';
import { instanceUid, seriesUid } from '../../src/reports/identifiers.ts';
import { linesOf, printable } from '../../src/reports/lines.ts';
import { ACTIONS, decide, SITUATIONS, situationOf, stateAfter, type Action } from '../../src/reports/machine.ts';
import { merge } from '../../src/reports/merge.ts';
import type { FieldValue, ReportDocument, VersionDocument } from '../../src/reports/model.ts';
import { retryMilliseconds } from '../../src/reports/outbox.ts';
import { personName, renderPdf } from '../../src/reports/pdf.ts';
import { prefill } from '../../src/reports/prefill.ts';
import { draftBody } from '../../src/reports/schemas.ts';
import { fieldsOf, readable, suitableTemplate, TEMPLATES, violationOf } from '../../src/reports/templates.ts';
import type { SeriesDocument, StudyDocument } from '../../src/store/documents.ts';
import { readByPydicom, textOfPdf, TOOLS } from '../tools.ts';

const folder = mkdtempSync(join(tmpdir(), 'reports-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('the states', () => {
  // Columns: draft, preliminary, signed, amended, amending. a allowed, s not in this state, - never for this role.
  const table: Readonly<Record<Action, Readonly<Partial<Record<Role, string>>>>> = {
    read: { viewer: 'saaaa', radiologist: 'aaaaa', technologist: 'aaaaa', administrator: 'aaaaa' },
    read_draft: { radiologist: 'aaaaa', technologist: 'aaaaa', administrator: 'aaaaa' },
    save: { radiologist: 'aassa', technologist: 'assss' },
    confirm: { radiologist: 'aassa' },
    preliminary: { radiologist: 'aasss' },
    sign: { radiologist: 'aassa' },
    amend: { radiologist: 'ssaas' },
  };
  const LETTERS = { allowed: 'a', state: 's', role: '-' } as const;

  it.each(ACTIONS.flatMap((action) => ROLES.map((role) => [action, role] as const)))(
    'allow %s by a %s as the table says',
    (action, role) => {
      const seen = SITUATIONS.map((it) => LETTERS[decide(action, role, it)]).join('');
      expect(seen).toBe(table[action][role] ?? '-----');
    },
  );

  it('lead from draft to amended', () => {
    expect(stateAfter('preliminary', 'draft')).toBe('preliminary');
    expect(stateAfter('sign', 'draft')).toBe('signed');
    expect(stateAfter('sign', 'preliminary')).toBe('signed');
    expect(stateAfter('sign', 'amending')).toBe('amended');
    const amending = { reason: 'x', by: 'y', at: new Date() };
    expect(situationOf({ state: 'signed', amending })).toBe('amending');
    expect(situationOf({ state: 'amended', amending: null })).toBe('amended');
  });
});

describe('a save', () => {
  const at = new Date('2026-03-01T10:00:00Z');
  const field = (value: string, revision: number, editor: string | null = 'other', sequence = 1): FieldValue => ({
    value,
    origin: null,
    confirmed: true,
    by: 'b',
    at,
    revision,
    editor,
    sequence,
  });
  const save = (revision: number, fields: Record<string, string>, sequence = 1): Parameters<typeof merge>[2] => ({
    revision,
    editor: 'mine',
    sequence,
    fields,
  });

  it('writes what is new, by whom and since when', () => {
    const { changed, clashes } = merge({}, 4, save(4, { findings: 'x', impression: '' }), 'a', at);
    expect(clashes).toEqual([]);
    expect(changed).toEqual({ findings: { ...field('x', 5, 'mine'), by: 'a' } });
  });

  it('on an older revision goes beside what others wrote in other fields', () => {
    const current = { findings: field('theirs', 9), impression: field('old', 2) };
    const { changed, clashes } = merge(current, 9, save(5, { impression: 'new' }), 'a', at);
    expect(clashes).toEqual([]);
    expect(Object.keys(changed)).toEqual(['impression']);
  });

  it('on an older revision does not replace what another wrote in the same field', () => {
    const current = { findings: field('theirs', 9), impression: field('old', 2) };
    const { changed, clashes } = merge(current, 9, save(5, { findings: 'mine', impression: 'new' }), 'a', at);
    expect(clashes).toEqual([{ field: 'findings', value: 'mine', other: current.findings }]);
    expect(changed).toHaveProperty('impression.value', 'new');
    expect(changed).not.toHaveProperty('findings');
  });

  it('of the same text twice is no conflict and no change', () => {
    expect(merge({ findings: field('same', 9) }, 9, save(5, { findings: 'same' }), 'a', at)).toEqual({
      changed: {},
      clashes: [],
    });
  });

  it('whose answer was lost is no conflict with itself', () => {
    const current = { findings: field('one', 9, 'mine', 3) };
    expect(merge(current, 9, save(5, { findings: 'one two' }, 4), 'a', at).changed).toHaveProperty('findings');
  });

  it('that comes late does not replace the same page’s later text', () => {
    const current = { findings: field('one two', 9, 'mine', 4) };
    expect(merge(current, 9, save(5, { findings: 'one' }, 3), 'a', at)).toEqual({ changed: {}, clashes: [] });
  });

  it('makes a prefilled value a typed one', () => {
    const origin = { kind: 'metadata', source: 'StudyDescription' } as const;
    const current = { findings: { ...field('auto', 1, null, 0), origin, confirmed: false } };
    const { changed } = merge(current, 1, save(1, { findings: 'typed' }), 'a', at);
    expect(changed.findings).toMatchObject({ value: 'typed', origin: null, confirmed: true, by: 'a' });
  });
});

describe('a request', () => {
  const good = { revision: 1, editor: '0b1ac1b2-66a4-4f0b-9f6c-6c8a6d7e8f90', sequence: 1 };
  const parse = (fields: unknown): boolean => draftBody.safeParse({ ...good, fields }).success;

  it.each([
    '<script>alert(1)</script>',
    '"><img src=x onerror=1>',
    '$where',
    'two\nlines\tand more',
    '\u202Eright to left',
    'é 山田 😀',
  ])('carries %j as text', (text) => {
    expect(parse({ findings: text })).toBe(true);
  });

  it.each([
    ['a NUL', { findings: 'a\0b' }],
    ['an escape', { findings: '\u001B[31m' }],
    ['half a character', { findings: '\uD800' }],
    ['a number', { findings: 1 }],
    ['an object', { findings: { $ne: '' } }],
    ['too long a text', { findings: 'x'.repeat(20_001) }],
    [
      'too much together',
      Object.fromEntries(Array.from({ length: 6 }, (_, n) => [`f${String(n)}`, 'x'.repeat(19_999)])),
    ],
    ['an operator for a field', { $set: 'x' }],
    ['a path for a field', { 'a.b': 'x' }],
    ['too many fields', Object.fromEntries(Array.from({ length: 61 }, (_, n) => [`f${String(n)}`, 'x']))],
  ])('refuses %s', (_, fields) => {
    expect(parse(fields)).toBe(false);
  });

  it('cannot say who signs', () => {
    expect(draftBody.safeParse({ ...good, fields: {}, by: 'somebody' }).success).toBe(false);
  });
});

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

const version = (more: Partial<VersionDocument> = {}): VersionDocument => ({
  _id: 'r1:2',
  report_id: 'r1',
  version: 2,
  state: 'amended',
  reason: 'Side corrected',
  by: 'a.radiologist',
  role: 'radiologist',
  at: new Date('2026-03-01T10:11:12Z'),
  title: 'CT of the head',
  language: 'en',
  institution: 'Test site',
  study: {
    study_id: 'orthanc-id',
    study_instance_uid: '1.2.3',
    patient_id: 'P-1\\2',
    patient_name: 'Müller^Jörg^^Dr.=山田^太郎',
    patient_birth_date: '19700102',
    patient_sex: 'M',
    study_date: '20260102',
    study_time: '101112',
    dicom_study_id: 'S1',
    study_description: 'Head <script>alert(1)</script>',
    accession_number: 'A1',
    referring_physician_name: 'Иванов^Пётр',
  },
  sections: [
    {
      title: 'Findings',
      fields: [
        {
          id: 'findings',
          label: 'Findings',
          text: '<script>alert(1)</script>\nName: שלום עולם (123)\nمحمد علي\n\u202Egnorw',
          confirmed: true,
          origin: null,
        },
      ],
    },
  ],
  ...more,
});

const textOf = (pdf: Buffer): string => textOfPdf(pdf, folder);

describe.skipIf(!TOOLS)('the PDF', () => {
  it('says what the version says, as text', async () => {
    const text = textOf(await renderPdf(version()));
    for (const it of [
      'CT of the head',
      'Amended report',
      'Müller, Dr. Jörg',
      'P-1\\2',
      '1970-01-02',
      'Иванов, Пётр',
      'Head <script>alert(1)</script>',
      'Signed by',
      'a.radiologist, 2026-03-01 10:11 UTC',
      'Side corrected',
      'Report r1, Version 2. Page 1 of 1',
      'שלום עולם',
      'gnorw',
    ]) {
      expect(text).toContain(it);
    }
    expect(text).toContain('stands for a character that cannot be printed here');
    expect(text).not.toContain('not signed');
  });

  it('of a preliminary version says that nobody signed, and marks what nobody confirmed', async () => {
    const origin = { kind: 'metadata', source: 'StudyDescription' } as const;
    const fields = [{ id: 'x', label: 'Examen', text: 'auto', confirmed: false, origin }];
    const more = {
      state: 'preliminary',
      reason: null,
      language: 'fr',
      sections: [{ title: 'Examen', fields }],
    } as const;
    const text = textOf(await renderPdf(version({ ...more, sections: [{ title: 'Examen', fields }] })));
    expect(text).toContain('n’est pas signé');
    expect(text).toContain('rempli automatiquement, non confirmé');
    expect(text).not.toContain('Signé par');
  });

  it('is the same each time', async () => {
    expect((await renderPdf(version())).equals(await renderPdf(version()))).toBe(true);
  });

  it('of a long text has every word once, on numbered pages', async () => {
    const words = Array.from({ length: 6_000 }, (_, n) => `w${String(n)}x`);
    const field = { id: 'f', label: 'Findings', text: words.join(' '), confirmed: true, origin: null };
    const long = { ...field, id: 'g', text: 'y'.repeat(5_000) };
    const text = textOf(await renderPdf(version({ sections: [{ title: 'Findings', fields: [field, long] }] })));
    expect(text.match(/w\d+x/g)).toEqual(words);
    expect(text.match(/y/g)?.length).toBeGreaterThanOrEqual(5_000);
    const pages = Number(/Page 1 of (\d+)/.exec(text)?.[1]);
    expect(pages).toBeGreaterThan(5);
    expect(text.match(/Report r1, Version 2\. Page/g)).toHaveLength(pages);
  });

  it('of the longest report is made in a moment', async () => {
    const text = Array.from({ length: 2_800 }, (_, n) => `w${String(n * 7919)}`)
      .join(' ')
      .slice(0, 20_000);
    const fields = Array.from({ length: 10 }, (_, n) => {
      return { id: `f${String(n)}`, label: 'Findings', text, confirmed: true, origin: null };
    });
    const started = performance.now();
    const pdf = await renderPdf(version({ sections: [{ title: 'Findings', fields }] }));
    expect(pdf.length).toBeGreaterThan(50_000);
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it('reads names as DICOM writes them', () => {
    expect(personName('Yamada^Tarou=山田^太郎=やまだ^たろう')).toBe('Yamada, Tarou  山田, 太郎  やまだ, たろう');
    expect(personName(null)).toBe('');
  });
});

describe('lines', () => {
  const width = (text: string): number => Array.from(text).length;
  const joined = (text: string, wide: number): string[] =>
    linesOf(printable(text), wide, width).map(({ pieces }) => pieces.map((it) => it.text).join(''));

  it('are no wider than told, and keep empty ones', () => {
    expect(joined('one two  three\n\nfour', 8)).toEqual(['one two', 'three', '', 'four']);
    expect(joined('abcdefghij', 4)).toEqual(['abcd', 'efgh', 'ij']);
  });

  it('put words from right to left where the script runs so, numbers stay as they are', () => {
    expect(joined('אחת שתיים 123', 40)).toEqual(['123 שתיים אחת']);
    expect(joined('name: אחת שתיים end', 40)).toEqual(['name: שתיים אחת end']);
    // The font engine turns the letters of a word round: its brackets have to look the other way before.
    expect(joined('אחת (שתיים)', 40)).toEqual([')שתיים( אחת']);
  });

  it('begin at the right for a right-to-left text', () => {
    const [line] = linesOf('אחת', 10, width);
    expect(line?.pieces[0]?.x).toBe(7);
  });

  it('have no characters that turn the order of others', () => {
    expect(printable('a\u202Eb\u2066c\0d\r\ne')).toBe('abc\uFFFDd\ne');
  });
});

describe.skipIf(!TOOLS)('the DICOM file', () => {
  const read = (file: Buffer): Record<string, unknown> =>
    readByPydicom(file, folder, [
      'print(json.dumps({"meta": str(d.file_meta.TransferSyntaxUID), "pdf": d.EncapsulatedDocument[:5].decode(),',
      ' "concept": d.ConceptNameCodeSequence[0].CodeValue, "name": str(d.PatientName), "tags": {',
      ' e.keyword: str(e.value) for e in d if e.VR not in ("OB", "SQ")}, "bytes": len(d.EncapsulatedDocument)}))',
    ]) as Record<string, unknown>;

  it('is an Encapsulated PDF of the study, which pydicom reads', async () => {
    const pdf = await renderPdf(version());
    const found = read(encapsulate(version(), pdf));
    expect(found).toMatchObject({ meta: '1.2.840.10008.1.2.1', pdf: '%PDF-', concept: '18748-4' });
    expect(found.name).toBe('Müller^Jörg^^Dr.=山田^太郎');
    expect(found.bytes).toBe(pdf.length + (pdf.length % 2));
    expect(found.tags).toMatchObject({
      SpecificCharacterSet: 'ISO_IR 192',
      SOPClassUID: '1.2.840.10008.5.1.4.1.1.104.1',
      SOPInstanceUID: instanceUid('r1:2'),
      SeriesInstanceUID: seriesUid('r1'),
      StudyInstanceUID: '1.2.3',
      Modality: 'DOC',
      ConversionType: 'WSD',
      PatientID: 'P-1 2',
      PatientBirthDate: '19700102',
      StudyDate: '20260102',
      StudyDescription: 'Head <script>alert(1)</script>',
      ReferringPhysicianName: 'Иванов^Пётр',
      InstanceNumber: '2',
      BurnedInAnnotation: 'YES',
      VerificationFlag: 'VERIFIED',
      DocumentTitle: 'CT of the head',
      MIMETypeOfEncapsulatedDocument: 'application/pdf',
      EncapsulatedDocumentLength: String(pdf.length),
    });
  });

  it('is the same each time, and says when nobody signed', async () => {
    const pdf = await renderPdf(version());
    expect(encapsulate(version(), pdf).equals(encapsulate(version(), pdf))).toBe(true);
    const found = read(encapsulate(version({ state: 'preliminary' }), pdf));
    expect(found.tags).toMatchObject({ VerificationFlag: 'UNVERIFIED' });
  });

  it('has UIDs of its report and version, valid ones', () => {
    const uids = [instanceUid('r1:1'), instanceUid('r1:2'), seriesUid('r1'), seriesUid('r2')];
    expect(new Set(uids).size).toBe(4);
    for (const it of uids) expect(it).toMatch(/^2\.25\.[1-9]\d{0,38}$/);
  });
});

it('is tried again later and later, and never given up', () => {
  expect([1, 2, 3, 9, 10_000].map(retryMilliseconds)).toEqual([1_000, 2_000, 4_000, 256_000, 300_000]);
});

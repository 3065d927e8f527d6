/** What is made of a version of a report: a PDF, its lines, and the DICOM file around it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { encapsulate } from '../../src/reports/encapsulate.ts';
import { instanceUid, seriesUid } from '../../src/reports/identifiers.ts';
import { linesOf, printable } from '../../src/reports/lines.ts';
import type { VersionDocument } from '../../src/reports/model.ts';
import { personName, renderPdf } from '../../src/reports/pdf.ts';
import { readByPydicom, textOfPdf, TOOLS } from '../tools.ts';

const folder = mkdtempSync(join(tmpdir(), 'reports-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
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

/** What a study's page says of a series that OHIF does not show by itself. */
import { expect, it } from 'vitest';
import { isPictured, whyNotShown } from '../app/src/dicom/shown.ts';

const STORAGE = '1.2.840.10008.5.1.4.1.1.';
const of = (modality: string | null, ...classes: string[]): string | null =>
  whyNotShown({ modality, sop_class_uids: classes.map((one) => STORAGE + one) });

it('nothing of images, reports and PDF that it knows, or of a series whose kind is not recorded', () => {
  for (const one of ['1', '2', '4', '6.1', '7', '481.2', '88.33', '104.1']) expect(of('OT', one), one).toBeNull();
  expect(of('CT')).toBeNull();
  expect(of('CT', '2', '11.1')).toBeNull();
});

it('why, of others', () => {
  expect(of(null, '2')).toContain('(0008,0060)');
  expect(of('US', '6')).toContain(`SOP class ${STORAGE}6`);
  expect(of('SEG', '66.4')).toContain('upon the images');
  expect(of('SM', '77.1.6')).toContain('does not know');
});

it('a picture is not asked for of what Orthanc would inflate', () => {
  const as = (transfer_syntax_uid: string | null): boolean => isPictured({ transfer_syntax_uid });
  expect([as(null), as('1.2.840.10008.1.2.1'), as('1.2.840.10008.1.2.4.90')]).toEqual([true, true, true]);
  expect(as('1.2.840.10008.1.2.1.99')).toBe(false);
});

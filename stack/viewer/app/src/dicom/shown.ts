/** What OHIF shows of a series, told from its record: before somebody waits for a picture that does not come. */
import type { Instance, Series } from '../api/types.ts';

const STORAGE = '1.2.840.10008.5.1.4.1.1.';

/**
 * SOP classes that OHIF 3.13.2 has a place for, after {@link STORAGE} (PS3.4 section B.5): the `sopClassUids` of its
 * extensions default, cornerstone (ECG), dicom-pdf, dicom-sr and dicom-video. Microscopy of whole slides is left out
 * of our build.
 */
const SHOWN: ReadonlySet<string> = new Set(
  [
    ...['1', '1.1', '1.1.1', '1.2', '1.2.1', '1.3', '1.3.1', '2', '2.1', '2.2', '3.1', '4', '4.1', '4.3', '4.4'],
    ...['6.1', '6.2', '7', '7.1', '7.2', '7.3', '7.4', '9.1.1', '9.1.2', '9.1.3', '9.2.1', '9.3.1'],
    ...['12.1', '12.1.1', '12.2', '12.2.1', '13.1.1', '13.1.2', '13.1.3', '13.1.4', '13.1.5', '14.1', '14.2', '20'],
    ...['77.1.1', '77.1.1.1', '77.1.2', '77.1.2.1', '77.1.3', '77.1.4', '77.1.4.1', '77.1.5.1', '77.1.5.2', '77.1.5.4'],
    ...['82.1', '88.11', '88.22', '88.33', '88.34', '104.1', '128', '128.1', '130', '481.1', '481.2'],
  ].map((one) => STORAGE + one),
);

/** Those that it draws upon the images that they are of: parametric maps, segmentations, structure sets. */
const SHOWN_UPON: ReadonlySet<string> = new Set(['30', '66.4', '66.7', '481.3'].map((one) => STORAGE + one));

/** Why OHIF does not show a series by itself, in words; null where nothing is known against it. */
export function whyNotShown({ modality, sop_class_uids }: Pick<Series, 'modality' | 'sop_class_uids'>): string | null {
  if (modality === null) return 'OHIF does not show it: its images do not say of which modality they are (0008,0060).';
  if (sop_class_uids.length === 0 || sop_class_uids.some((uid) => SHOWN.has(uid))) return null;
  if (sop_class_uids.some((uid) => SHOWN_UPON.has(uid))) {
    return 'OHIF shows it upon the images that it is of, not by itself.';
  }
  return `OHIF does not show it: it does not know what it holds (SOP class ${sop_class_uids.join(', ')}).`;
}

/** Deflated Explicit VR Little Endian (PS3.5 section A.5). */
const DEFLATED = '1.2.840.10008.1.2.1.99';

/**
 * Whether a page asks for an instance's picture by itself. Orthanc inflates a deflated file as a whole, whatever that
 * becomes, and reads no other meanwhile: 2 GiB take it 10 s and more, in which nobody is given an image.
 */
export const isPictured = ({ transfer_syntax_uid }: Pick<Instance, 'transfer_syntax_uid'>): boolean =>
  transfer_syntax_uid !== DEFLATED;

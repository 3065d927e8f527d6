/** What of a study can be analysed: its images, as they are recorded. */
import { createHash } from 'node:crypto';
import type { Store } from '../store/database.ts';
import type { StudyDocument } from '../store/documents.ts';
import { bounded, MAXIMUM_INSTANCES, type AnalysisRequest } from './contract.ts';

const STORAGE = '1.2.840.10008.5.1.4.1.1.';
/**
 * Storage classes (PS3.4 annex B.5) that are no images of a patient: below these, but for RT Image.
 *
 * Presentation states, waveforms, registrations, segmentations and raw data, value maps, surfaces, ophthalmic
 * measurements, structured reports, encapsulated documents, other measurements and plans. An SR in this list is what
 * keeps a result from being analysed itself.
 */
const NO_IMAGES = ['9', '11', '66', '67', '68', '78', '79', '80', '88', '90', '104', '131', '200', '201', '481'];
const RT_IMAGE = `${STORAGE}481.1`;

/** Whether instances of a class are images. */
export function isImage(sopClass: string | null): sopClass is string {
  if (sopClass === RT_IMAGE) return true;
  if (sopClass?.startsWith(STORAGE) !== true) return false;
  const first = sopClass.slice(STORAGE.length).split('.')[0] ?? '';
  return !NO_IMAGES.includes(first);
}

/** A study's images, and a digest which changes when any of them does. */
export interface Images {
  readonly request: AnalysisRequest;
  readonly signature: string;
}

/** The images of a study; null where there are none. At most as many as a request may name. */
export async function imagesOf(
  store: Store,
  study: Pick<StudyDocument, '_id' | 'study_instance_uid'>,
): Promise<Images | null> {
  const all = await store.series
    .find({ parent_study: study._id }, { projection: { series_instance_uid: 1, modality: 1, sop_class_uids: 1 } })
    .sort({ series_number: 1, _id: 1 })
    .limit(MAXIMUM_INSTANCES)
    .toArray();
  const series: AnalysisRequest['series'] = [];
  const lines: string[] = [];
  for (const it of all.filter((one) => one.sop_class_uids.some(isImage))) {
    const left = MAXIMUM_INSTANCES - lines.length;
    if (left <= 0) break;
    const found = await store.instances
      .find({ parent_series: it._id }, { projection: { sop_instance_uid: 1, sop_class_uid: 1, file_uuid: 1 } })
      .sort({ instance_number: 1, _id: 1 })
      .limit(left)
      .toArray();
    const instances = found.flatMap(({ sop_instance_uid, sop_class_uid, file_uuid }) => {
      if (!isImage(sop_class_uid)) return [];
      lines.push(`${sop_instance_uid} ${file_uuid ?? ''}`);
      return [{ sop_instance_uid, sop_class_uid }];
    });
    if (instances.length > 0)
      series.push({ series_instance_uid: it.series_instance_uid, modality: it.modality, instances });
  }
  if (lines.length === 0) return null;
  return {
    request: bounded({ study_instance_uid: study.study_instance_uid, series }),
    signature: digest(...lines.sort()),
  };
}

/** A digest of texts, none of which holds a line end. */
export function digest(...parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\n')).digest('hex');
}

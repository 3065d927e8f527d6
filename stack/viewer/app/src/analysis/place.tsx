/** Where in a study something is: its series, image, frame and region, with the way there. */
import type { ReactElement } from 'react';
import type { Series } from '../api/types.ts';
import { imagesOf } from '../dicom/images.ts';
import type { Finding, Reference } from './types.ts';

/** The study's series, to call one by its name. */
export interface Where {
  readonly study: string;
  readonly series: readonly Series[];
}

export function seriesName(uid: string, { series }: Where): string {
  const found = series.find((it) => it.series_instance_uid === uid);
  if (found === undefined) return `series …${uid.slice(-8)}`;
  const { modality, series_number, series_description } = found;
  return [modality ?? '?', series_number ?? '', series_description ?? ''].filter((it) => it !== '').join(' ');
}

/** A link that opens the series, or the image of it, in OHIF. */
export function Place({ reference, where }: { reference: Reference; where: Where }): ReactElement {
  const { series_instance_uid, sop_instance_uid, frame } = reference;
  return (
    <a href={imagesOf(where.study, series_instance_uid, sop_instance_uid)}>
      <bdi>{seriesName(series_instance_uid, where)}</bdi>
      {sop_instance_uid === null ? '' : ', image'}
      {frame === null ? '' : `, frame ${String(frame)}`}
    </a>
  );
}

const at = ([column, row]: readonly [number, number]): string =>
  `${String(Math.round(column))}/${String(Math.round(row))}`;

/** A region in words: OHIF's address has no place for one. Columns and rows of the image, from its upper left. */
export function regionText({ type, points }: NonNullable<Finding['region']>): string {
  const [first, second] = points;
  if (first === undefined) return '';
  if (type === 'point') return `point at column/row ${at(first)}`;
  if (type === 'box' && second !== undefined) return `box from column/row ${at(first)} to ${at(second)}`;
  const columns = points.map(([column]) => column);
  const rows = points.map(([, row]) => row);
  const [from, to] = [at([Math.min(...columns), Math.min(...rows)]), at([Math.max(...columns), Math.max(...rows)])];
  return `outline of ${String(points.length)} points, column/row ${from} to ${to}`;
}

/** Measurements as a table: one row for each kind, one column for each series. */
import type { ReactElement } from 'react';
import { imagesOf } from '../dicom/images.ts';
import { shortNumber, shortUnit } from './numbers.ts';
import { Place, seriesName, type Where } from './place.tsx';
import type { Measurement } from './types.ts';

/** What is measured of the study as a whole. */
const WHOLE = '';

interface Row {
  title: string;
  unit: string;
  /** Series, or `WHOLE` -> what was measured there. */
  values: Map<string, Measurement[]>;
}

export function Measurements({
  measurements,
  where,
  caption,
}: {
  measurements: readonly Measurement[];
  where: Where;
  caption: string;
}): ReactElement {
  const columns = [...new Set(measurements.map((it) => it.reference?.series_instance_uid ?? WHOLE))];
  const rows = rowsOf(measurements);
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={caption}>
      <table className="dense">
        <caption className="hidden">{caption}</caption>
        <thead>
          <tr>
            <th scope="col">Measurement</th>
            <th scope="col">Unit</th>
            {columns.map((it) => (
              <th key={it} scope="col" className="number">
                {it === WHOLE ? 'Study' : <Place reference={seriesAlone(it)} where={where} />}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={index}>
              <th scope="row">
                <bdi>{row.title}</bdi>
              </th>
              <td className="quiet">
                <bdi>{shortUnit(row.unit)}</bdi>
              </td>
              {columns.map((it) => (
                <td key={it} className="number">
                  <Values values={row.values.get(it) ?? []} where={where} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Values({ values, where }: { values: readonly Measurement[]; where: Where }): ReactElement {
  if (values.length === 0) return <span className="quiet">–</span>;
  return (
    <>
      {values.map(({ value, reference }, index) => (
        <span key={index}>
          {index === 0 ? '' : '; '}
          {reference?.sop_instance_uid == null ? (
            shortNumber(value)
          ) : (
            <a
              href={imagesOf(where.study, reference.series_instance_uid, reference.sop_instance_uid)}
              aria-label={`${shortNumber(value)}, an image of ${seriesName(reference.series_instance_uid, where)}`}
            >
              {shortNumber(value)}
            </a>
          )}
        </span>
      ))}
    </>
  );
}

function rowsOf(measurements: readonly Measurement[]): Row[] {
  const rows = new Map<string, Row>();
  for (const it of measurements) {
    const key = JSON.stringify([it.name, it.title, it.unit]);
    const row = rows.get(key) ?? { title: it.title, unit: it.unit, values: new Map<string, Measurement[]>() };
    const column = it.reference?.series_instance_uid ?? WHOLE;
    row.values.set(column, [...(row.values.get(column) ?? []), it]);
    rows.set(key, row);
  }
  return [...rows.values()];
}

const seriesAlone = (uid: string): Measurement['reference'] & object => ({
  series_instance_uid: uid,
  sop_instance_uid: null,
  frame: null,
});

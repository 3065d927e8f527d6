/** Studies as a table, sorted by the backend. */
import { createColumnHelper, flexRender, getCoreRowModel, useReactTable, type Row } from '@tanstack/react-table';
import { memo, type ReactElement } from 'react';
import { Link } from 'react-router';
import type { Study } from '../api/types.ts';
import { dayOf, dicomDate, dicomTime, timeOf } from '../dicom/dates.ts';
import { Name } from './name.tsx';

export type SortKey = 'study_date' | 'received' | 'patient_name' | 'patient_id' | 'accession_number' | 'instances';
export interface Sorting {
  key: SortKey;
  order: 'asc' | 'desc';
}

const column = createColumnHelper<Study>();
const COLUMNS = [
  column.accessor('patient_name', {
    id: 'patient_name',
    header: 'Patient',
    cell: ({ row: { original: it } }) => (
      <Link to={`/patients/${it.parent_patient}`}>
        <Name value={it.patient_name} />
      </Link>
    ),
  }),
  column.accessor('patient_id', { id: 'patient_id', header: 'Patient ID', cell: (it) => <bdi>{it.getValue()}</bdi> }),
  column.accessor('study_date', {
    id: 'study_date',
    header: 'Study date',
    cell: ({ row: { original: it } }) => (
      <>
        <span className="nowrap">{dicomDate(it.study_date)}</span>{' '}
        <span className="quiet nowrap">{dicomTime(it.study_time)}</span>
      </>
    ),
  }),
  column.accessor('study_description', {
    id: 'description',
    header: 'Study',
    cell: ({ row: { original: it } }) => (
      <Link to={`/studies/${it.study_instance_uid}`}>
        <bdi>{it.study_description ?? 'no description'}</bdi>
      </Link>
    ),
  }),
  column.accessor('modalities_in_study', {
    id: 'modality',
    header: 'Modality',
    cell: (it) =>
      it.getValue().map((one, index) => (
        <span key={one}>
          {index === 0 ? '' : ' '}
          <span className="tag">{one}</span>
        </span>
      )),
  }),
  column.accessor('number_of_instances', {
    id: 'instances',
    header: 'Images',
    cell: (it) => <span className="number">{it.getValue().toLocaleString()}</span>,
  }),
  column.accessor('remote_aets', {
    id: 'sender',
    header: 'Sender',
    cell: (it) => <bdi>{it.getValue().join(', ')}</bdi>,
  }),
  column.accessor('last_received_at', {
    id: 'received',
    header: 'Received',
    cell: ({ row: { original: it } }) => (
      <>
        <span className="nowrap">{dayOf(it.last_received_at)}</span>{' '}
        <span className="quiet nowrap">{timeOf(it.last_received_at)}</span>
        {it.is_stable ? null : <span className="mark"> arriving</span>}
      </>
    ),
  }),
];
const SORTABLE: ReadonlySet<string> = new Set<SortKey>([
  'study_date',
  'received',
  'patient_name',
  'patient_id',
  'instances',
]);

const ORDERS: readonly (readonly [SortKey, Sorting['order'], string])[] = [
  ['received', 'desc', 'Received, newest first'],
  ['received', 'asc', 'Received, oldest first'],
  ['study_date', 'desc', 'Study date, newest first'],
  ['study_date', 'asc', 'Study date, oldest first'],
  ['patient_name', 'asc', 'Patient, A to Z'],
  ['patient_name', 'desc', 'Patient, Z to A'],
  ['patient_id', 'asc', 'Patient ID, ascending'],
  ['patient_id', 'desc', 'Patient ID, descending'],
  ['instances', 'desc', 'Images, most first'],
  ['instances', 'asc', 'Images, fewest first'],
];

/** The order of the list where its head is not shown: on a phone. */
export function SortChoice({
  sorting: { key, order },
  onSort,
}: {
  sorting: Sorting;
  onSort: (sorting: Sorting) => void;
}): ReactElement {
  return (
    <label className="sort-choice">
      <span>Sort by</span>
      <select
        value={`${key} ${order}`}
        onChange={({ target }) => {
          const chosen = ORDERS.find(([one, way]) => target.value === `${one} ${way}`);
          if (chosen !== undefined) onSort({ key: chosen[0], order: chosen[1] });
        }}
      >
        {ORDERS.map(([one, way, text]) => (
          <option key={text} value={`${one} ${way}`}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

const NONE: readonly string[] = [];

interface StudiesTableProps {
  studies: Study[];
  caption: string;
  sorting?: Sorting;
  onSort?: (sorting: Sorting) => void;
  /** Columns that are left out; always the same array. */
  without?: readonly string[];
}

/** Roles are told beside the elements: on a phone a row is laid out as a card, and a browser forgets what it was. */
export function StudiesTable({ studies, caption, sorting, onSort, without = NONE }: StudiesTableProps): ReactElement {
  const table = useReactTable({
    data: studies,
    columns: COLUMNS,
    getCoreRowModel: getCoreRowModel(),
    getRowId: (it) => it.id,
    manualSorting: true,
    state: { columnVisibility: Object.fromEntries(without.map((it) => [it, false])) },
  });
  const sort = (key: SortKey): void => {
    const order = sorting?.key === key && sorting.order === 'desc' ? 'asc' : 'desc';
    onSort?.({ key, order });
  };
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={caption}>
      <table className={without.includes('patient_name') ? 'studies of-one' : 'studies'} role="table">
        <caption className="hidden">{caption}</caption>
        <thead role="rowgroup">
          {table.getHeaderGroups().map((group) => (
            <tr key={group.id} role="row">
              {group.headers.map(({ id, column: it, getContext }) => {
                const mine = sorting?.key === id;
                const label = flexRender(it.columnDef.header, getContext());
                return (
                  <th
                    key={id}
                    className={`column-${it.id}`}
                    scope="col"
                    role="columnheader"
                    aria-sort={mine ? (sorting.order === 'asc' ? 'ascending' : 'descending') : undefined}
                  >
                    {onSort !== undefined && SORTABLE.has(id) ? (
                      <button
                        type="button"
                        className="sort"
                        onClick={() => {
                          sort(id as SortKey);
                        }}
                      >
                        {label}
                        <span aria-hidden="true" className={mine ? 'arrow' : 'arrow quiet'}>
                          {mine ? (sorting.order === 'asc' ? '▲' : '▼') : '⇅'}
                        </span>
                      </button>
                    ) : (
                      label
                    )}
                  </th>
                );
              })}
            </tr>
          ))}
        </thead>
        <tbody role="rowgroup">
          {table.getRowModel().rows.map((row) => (
            <StudyRow key={row.id} row={row} study={row.original} without={without} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** A row of the table is another one with every change of the list; only what it shows counts. */
const StudyRow = memo(
  function StudyRow({ row }: { row: Row<Study>; study: Study; without: readonly string[] }): ReactElement {
    return (
      <tr role="row">
        {row.getVisibleCells().map((cell) => (
          <td key={cell.id} className={`column-${cell.column.id}`} role="cell">
            {flexRender(cell.column.columnDef.cell, cell.getContext())}
          </td>
        ))}
      </tr>
    );
  },
  (before, after) => before.study === after.study && before.without === after.without,
);

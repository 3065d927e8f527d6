/** Studies as a table, sorted by the backend. */
import { createColumnHelper, flexRender, getCoreRowModel, useReactTable } from '@tanstack/react-table';
import type { ReactElement } from 'react';
import { Link } from 'react-router';
import type { Study } from '../api/types.ts';
import { dicomDate, dicomTime, instant } from '../dicom/dates.ts';
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
      <span className="nowrap">
        {dicomDate(it.study_date)} <span className="quiet">{dicomTime(it.study_time)}</span>
      </span>
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
    cell: (it) => it.getValue().join(', '),
  }),
  column.accessor('number_of_instances', { id: 'instances', header: 'Images' }),
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
        <span className="nowrap">{instant(it.last_received_at)}</span>
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

interface StudiesTableProps {
  studies: Study[];
  caption: string;
  sorting?: Sorting;
  onSort?: (sorting: Sorting) => void;
  without?: readonly string[];
}

export function StudiesTable({ studies, caption, sorting, onSort, without = [] }: StudiesTableProps): ReactElement {
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
      <table>
        <caption className="hidden">{caption}</caption>
        <thead>
          {table.getHeaderGroups().map((group) => (
            <tr key={group.id}>
              {group.headers.map(({ id, column: it, getContext }) => {
                const mine = sorting?.key === id;
                const label = flexRender(it.columnDef.header, getContext());
                return (
                  <th
                    key={id}
                    className={`column-${it.id}`}
                    scope="col"
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
                        <span aria-hidden="true">{mine ? (sorting.order === 'asc' ? ' ▲' : ' ▼') : ' ⇅'}</span>
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
        <tbody>
          {table.getRowModel().rows.map((row) => (
            <tr key={row.id}>
              {row.getVisibleCells().map((cell) => (
                <td key={cell.id} className={`column-${cell.column.id}`}>
                  {flexRender(cell.column.columnDef.cell, cell.getContext())}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The list one starts from: studies with their patients, searched, filtered and sorted by the backend. */
import { keepPreviousData, replaceEqualDeep, useQuery } from '@tanstack/react-query';
import { type ReactElement } from 'react';
import { useSearchParams } from 'react-router';
import { call } from '../api/client.ts';
import type { Page, Study } from '../api/types.ts';
import { Filters, FILTER_NAMES } from '../components/filters.tsx';
import { FoundStudies } from '../components/found-studies.tsx';
import { Failed, Waiting } from '../components/states.tsx';
import { sharedById, type List } from '../components/steady.ts';
import type { SortKey, Sorting } from '../components/studies-table.tsx';
import { useTitle } from '../components/title.ts';

const LIMIT = 50;

export function Patients(): ReactElement {
  useTitle('Patients');
  // The address holds what is shown: it can be gone back to, and a reload shows the same.
  const [parameters, setParameters] = useSearchParams();
  const sorting: Sorting = {
    key: (parameters.get('sort') ?? 'received') as SortKey,
    order: parameters.get('order') === 'asc' ? 'asc' : 'desc',
  };
  const offset = Math.max(0, Number(parameters.get('offset') ?? '0') || 0);
  const filters: Readonly<Record<string, string>> = Object.fromEntries(
    [...parameters].filter(([name, value]) => FILTER_NAMES.has(name) && value !== ''),
  );
  const query = new URLSearchParams({
    ...filters,
    sort: sorting.key,
    order: sorting.order,
    limit: String(LIMIT),
    offset: String(offset),
  });
  const found = useQuery({
    queryKey: ['studies', query.toString()],
    queryFn: async ({ signal }) => call<Page<Study>>(`/api/studies?${query.toString()}`, { signal }),
    placeholderData: keepPreviousData,
    structuralSharing: (before, after) =>
      sharedById(before as List<Study> | undefined, after as List<Study>, replaceEqualDeep),
  });
  const set = (changes: Readonly<Record<string, string>>): void => {
    // Of the address itself: what is drawn may be of before the last change.
    const after = new URLSearchParams(window.location.search);
    for (const [name, value] of Object.entries(changes)) {
      if (value === '') after.delete(name);
      else after.set(name, value);
    }
    setParameters(after, { replace: true });
  };
  return (
    <>
      <h1>Patients</h1>
      <Filters
        values={filters}
        onChange={(name, value) => {
          set({ [name]: value, offset: '' });
        }}
        onClear={() => {
          setParameters({});
        }}
      />
      {found.isPending ? <Waiting what="studies" /> : null}
      {found.isError ? (
        <Failed error={found.error} retry={() => void found.refetch()} old={found.data !== undefined} />
      ) : null}
      {found.data === undefined ? null : (
        <FoundStudies
          list={found.data}
          asked={found.isPlaceholderData ? null : query.toString()}
          filtered={Object.keys(filters).length > 0}
          sorting={sorting}
          onSort={({ key, order }) => {
            set({ sort: key, order, offset: '' });
          }}
          limit={LIMIT}
          offset={offset}
          onMove={(to) => {
            set({ offset: to === 0 ? '' : String(to) });
          }}
        />
      )}
    </>
  );
}

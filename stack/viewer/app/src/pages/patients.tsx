/** The list one starts from: studies with their patients, searched, filtered and sorted by the backend. */
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useEffect, useId, useState, type ReactElement } from 'react';
import { useSearchParams } from 'react-router';
import { call } from '../api/client.ts';
import type { Page, Study } from '../api/types.ts';
import { Pager } from '../components/pager.tsx';
import { Empty, Failed, Waiting } from '../components/states.tsx';
import { StudiesTable, type SortKey, type Sorting } from '../components/studies-table.tsx';

const LIMIT = 50;
const TYPING_MILLISECONDS = 250;
const FILTERS = [
  { name: 'q', label: 'Search', type: 'search', hint: 'name, identifier, accession number, description' },
  { name: 'study_date_from', label: 'Study date from', type: 'date', hint: '' },
  { name: 'study_date_to', label: 'to', type: 'date', hint: '' },
  { name: 'modality', label: 'Modality', type: 'text', hint: 'CT, MR' },
  { name: 'description', label: 'Description', type: 'text', hint: '' },
  { name: 'sender', label: 'Sender', type: 'text', hint: 'AE title or address' },
] as const;
const NAMES: ReadonlySet<string> = new Set(FILTERS.map((it) => it.name));

export function Patients(): ReactElement {
  // The address holds what is shown: it can be gone back to, and a reload shows the same.
  const [parameters, setParameters] = useSearchParams();
  const sorting: Sorting = {
    key: (parameters.get('sort') ?? 'received') as SortKey,
    order: parameters.get('order') === 'asc' ? 'asc' : 'desc',
  };
  const offset = Math.max(0, Number(parameters.get('offset') ?? '0') || 0);
  const filters = Object.fromEntries([...parameters].filter(([name, value]) => NAMES.has(name) && value !== ''));
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
  });
  const set = (changes: Readonly<Record<string, string>>): void => {
    setParameters(
      (before) => {
        const after = new URLSearchParams(before);
        for (const [name, value] of Object.entries(changes)) {
          if (value === '') after.delete(name);
          else after.set(name, value);
        }
        return after;
      },
      { replace: true },
    );
  };
  return (
    <>
      <h1>Patients</h1>
      <form
        className="filters"
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
        }}
      >
        {FILTERS.map((it) => (
          <Filter
            key={it.name}
            {...it}
            value={parameters.get(it.name) ?? ''}
            onChange={(value) => {
              set({ [it.name]: value, offset: '' });
            }}
          />
        ))}
        {Object.keys(filters).length === 0 ? null : (
          <button
            type="button"
            className="button"
            onClick={() => {
              setParameters({});
            }}
          >
            Clear
          </button>
        )}
      </form>
      {found.isPending ? <Waiting what="studies" /> : null}
      {found.isError ? <Failed error={found.error} retry={() => void found.refetch()} /> : null}
      {found.data === undefined || found.isError ? null : (
        <>
          {found.data.total === 0 ? (
            <Empty>
              {Object.keys(filters).length === 0
                ? 'No study has arrived yet. This page shows the first one by itself.'
                : 'No study matches.'}
            </Empty>
          ) : (
            <StudiesTable
              studies={found.data.items}
              caption="Studies"
              sorting={sorting}
              onSort={({ key, order }) => {
                set({ sort: key, order, offset: '' });
              }}
            />
          )}
          <Pager
            total={found.data.total}
            limit={LIMIT}
            offset={offset}
            onMove={(to) => {
              set({ offset: to === 0 ? '' : String(to) });
            }}
          />
        </>
      )}
    </>
  );
}

interface FilterProps {
  name: string;
  label: string;
  type: string;
  hint: string;
  value: string;
  onChange: (value: string) => void;
}

/** A field whose value counts when the typing pauses. */
function Filter({ name, label, type, hint, value, onChange }: FilterProps): ReactElement {
  const id = useId();
  const [typed, setTyped] = useState(value);
  const [shown, setShown] = useState(value);
  if (value !== shown) {
    // Changed from elsewhere: going back, or Clear.
    setShown(value);
    setTyped(value);
  }
  useEffect(() => {
    if (typed === value) return undefined;
    const timer = setTimeout(() => {
      onChange(typed.trim());
    }, TYPING_MILLISECONDS);
    return () => {
      clearTimeout(timer);
    };
  }, [typed]);
  return (
    <div className={`filter ${name}`}>
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        name={name}
        type={type}
        value={typed}
        placeholder={hint}
        maxLength={200}
        onChange={({ target }) => {
          setTyped(target.value);
        }}
      />
    </div>
  );
}

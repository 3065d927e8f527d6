/** The studies that were found, a page of them; they stand still while somebody reads them. */
import { useEffect, useRef, useState, type ReactElement } from 'react';
import type { Study } from '../api/types.ts';
import { Pager } from './pager.tsx';
import { Empty } from './states.tsx';
import { useReading, useSteady, type List } from './steady.ts';
import { SortChoice, StudiesTable, type Sorting } from './studies-table.tsx';

interface FoundStudiesProps {
  list: List<Study>;
  /** What the list answers; null while it still answers what was asked before. */
  asked: string | null;
  /** Whether it is not all there are. */
  filtered: boolean;
  sorting: Sorting;
  onSort: (sorting: Sorting) => void;
  limit: number;
  offset: number;
  onMove: (offset: number) => void;
}

export function FoundStudies({ list, asked, filtered, sorting, onSort, ...paging }: FoundStudiesProps): ReactElement {
  const { reading, watch } = useReading();
  const [answered, setAnswered] = useState(asked ?? '');
  if (asked !== null && asked !== answered) setAnswered(asked);
  // A later page would show another part of the list with each arrival.
  const steady = useSteady(list, asked ?? answered, reading || paging.offset > 0);
  const shown = useRef(answered);
  useEffect(() => {
    if (shown.current === answered) return;
    shown.current = answered;
    // Another list begins at its top.
    const region = watch.ref.current?.querySelector('.scroll');
    if (region == null) return;
    region.scrollTop = 0;
    if (region.getBoundingClientRect().top < 0) watch.ref.current?.scrollIntoView({ block: 'start' });
  }, [answered, watch.ref]);
  return (
    <div className="found" aria-busy={asked === null} {...watch}>
      {steady.total === 0 ? (
        <Empty>
          {filtered ? 'No study matches.' : 'No study has arrived yet. This page shows the first one by itself.'}
        </Empty>
      ) : (
        <>
          <SortChoice sorting={sorting} onSort={onSort} />
          <StudiesTable studies={steady.items} caption="Studies" sorting={sorting} onSort={onSort} />
        </>
      )}
      <Pager
        total={steady.total}
        {...paging}
        news={
          <span role="status">
            {steady.changed ? (
              <button type="button" className="button news" onClick={steady.show}>
                {steady.more === 0 ? 'Changed' : `${steady.more.toLocaleString()} new`}: show
              </button>
            ) : null}
          </span>
        }
      />
    </div>
  );
}

import type { ReactElement, ReactNode } from 'react';

interface PagerProps {
  total: number;
  limit: number;
  offset: number;
  onMove: (offset: number) => void;
  /** What there is to say besides. */
  news?: ReactNode;
}

/** Which part of a list is shown, and the way to the others. */
export function Pager({ total, limit, offset, onMove, news }: PagerProps): ReactElement {
  const last = Math.min(offset + limit, total);
  if (total === 0) return <div className="pager">{news}</div>;
  return (
    <nav className="pager" aria-label="Pages">
      {news}
      <span className="pager-place" aria-live="polite">
        {String(offset + 1)} to {String(last)} of {total.toLocaleString()}
      </span>
      <button
        type="button"
        className="button"
        disabled={offset === 0}
        onClick={() => {
          onMove(Math.max(0, offset - limit));
        }}
      >
        Previous
      </button>
      <button
        type="button"
        className="button"
        disabled={last >= total}
        onClick={() => {
          onMove(offset + limit);
        }}
      >
        Next
      </button>
    </nav>
  );
}

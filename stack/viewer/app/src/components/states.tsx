/** What a page shows while it waits, when there is nothing, and when something is wrong. */
import type { ReactElement, ReactNode } from 'react';
import { ApiError } from '../api/client.ts';

export function Waiting({ what }: { what: string }): ReactElement {
  return (
    <p className="state" role="status">
      <span className="spinner" aria-hidden="true" /> Loading {what} …
    </p>
  );
}

export function Empty({ children }: { children: ReactNode }): ReactElement {
  return (
    <p className="state" role="status">
      {children}
    </p>
  );
}

/**
 * @param page whether it stands for the whole page, and is its heading
 * @param old whether what was known before is still shown below
 */
export function Failed({
  error,
  retry,
  page = false,
  old = false,
}: {
  error: Error;
  retry?: () => void;
  page?: boolean;
  old?: boolean;
}): ReactElement {
  const status = error instanceof ApiError ? error.status : 0;
  const title = old ? 'What follows may be out of date.' : status === 404 ? 'Not found' : 'This cannot be shown';
  return (
    <div className="state failed" role="alert">
      {page ? <h1>{title}</h1> : null}
      <p>
        {page ? null : <strong>{title} </strong>}
        {error.message}
      </p>
      {retry === undefined ? null : (
        <button type="button" className="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

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

export function Failed({ error, retry }: { error: Error; retry?: () => void }): ReactElement {
  const status = error instanceof ApiError ? error.status : 0;
  return (
    <div className="state failed" role="alert">
      <p>
        <strong>{status === 404 ? 'Not found.' : 'This cannot be shown.'}</strong> {error.message}
      </p>
      {retry === undefined ? null : (
        <button type="button" className="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

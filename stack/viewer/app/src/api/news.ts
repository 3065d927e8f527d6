/** Pages that are open show what is new: the backend says what was written, and what shows it is asked for again. */
import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { ApiError, call } from './client.ts';

const LISTS = ['studies', 'patients', 'patient', 'study', 'series'];
const AGAIN_MILLISECONDS = 3_000;

export function useNews(): void {
  const client = useQueryClient();
  useEffect(() => {
    const refresh = (): void => {
      void client.invalidateQueries({ predicate: ({ queryKey }) => LISTS.includes(String(queryKey[0])) });
    };
    let source: EventSource | null = null;
    let timer: number | undefined;
    // After an interruption something may have been missed.
    let interrupted = false;
    const connect = (): void => {
      const it = new EventSource('/api/events');
      source = it;
      it.addEventListener('studies', refresh);
      it.onerror = () => {
        interrupted = true;
        // An answer that is an error ends it for good: the backend is away, or the session has ended.
        if (it.readyState !== EventSource.CLOSED) return;
        timer = window.setTimeout(connect, AGAIN_MILLISECONDS);
        void call('/api/session/check').catch((error: unknown) => {
          if (error instanceof ApiError && error.status === 401) client.setQueryData(['session'], null);
        });
      };
      it.onopen = () => {
        if (interrupted) refresh();
        interrupted = false;
      };
    };
    connect();
    return () => {
      window.clearTimeout(timer);
      source?.close();
    };
  }, [client]);
}

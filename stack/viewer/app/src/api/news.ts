/** Pages that are open show what is new: the backend says what was written, and what shows it is asked for again. */
import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';

const LISTS = ['studies', 'patients', 'patient', 'study', 'series'];

export function useNews(): void {
  const client = useQueryClient();
  useEffect(() => {
    const source = new EventSource('/api/events');
    const refresh = (): void => {
      void client.invalidateQueries({ predicate: ({ queryKey }) => LISTS.includes(String(queryKey[0])) });
    };
    source.addEventListener('studies', refresh);
    // After an interruption something may have been missed.
    let interrupted = false;
    source.onerror = () => {
      interrupted = true;
    };
    source.onopen = () => {
      if (interrupted) refresh();
      interrupted = false;
    };
    return () => {
      source.close();
    };
  }, [client]);
}

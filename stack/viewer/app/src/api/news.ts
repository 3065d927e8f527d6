/** Pages that are open show what is new: the backend says what was written, and what shows it is asked for again. */
import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';

const LISTS = ['studies', 'patients', 'patient', 'study', 'series'];
const ANALYSES = ['analyses', 'analysis-queue'];

type Listener = (studies: readonly string[] | null) => void;
const listeners = new Set<Listener>();

/**
 * Hears of which studies the analyses changed, by Orthanc's identifiers; null where it may be any.
 *
 * @returns what ends it
 */
export function onAnalyses(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useNews(): void {
  const client = useQueryClient();
  useEffect(() => {
    const source = new EventSource('/api/events');
    const again = (keys: readonly string[]): void => {
      void client.invalidateQueries({ predicate: ({ queryKey }) => keys.includes(String(queryKey[0])) });
    };
    const analysed = (studies: readonly string[] | null): void => {
      again(ANALYSES);
      for (const it of [...listeners]) it(studies);
    };
    source.addEventListener('studies', () => {
      again(LISTS);
    });
    source.addEventListener('analyses', ({ data }: MessageEvent<string>) => {
      analysed((JSON.parse(data) as { studies: string[] }).studies);
    });
    // After an interruption something may have been missed.
    let interrupted = false;
    source.onerror = () => {
      interrupted = true;
    };
    source.onopen = () => {
      if (interrupted) {
        again(LISTS);
        analysed(null);
      }
      interrupted = false;
    };
    return () => {
      source.close();
    };
  }, [client]);
}

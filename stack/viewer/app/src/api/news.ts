/** Pages that are open show what is new: the backend says what was written, and what shows it is asked for again. */
import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { ApiError, call } from './client.ts';

const LISTS = ['studies', 'patients', 'patient', 'study', 'series'];
const ANALYSES = ['analyses', 'analysis-queue'];
const AGAIN_MILLISECONDS = 3_000;

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
    const again = (keys: readonly string[]): void => {
      void client.invalidateQueries({ predicate: ({ queryKey }) => keys.includes(String(queryKey[0])) });
    };
    const analysed = (studies: readonly string[] | null): void => {
      again(ANALYSES);
      for (const it of [...listeners]) it(studies);
    };
    let source: EventSource | null = null;
    let timer: number | undefined;
    // After an interruption something may have been missed.
    let interrupted = false;
    const connect = (): void => {
      const it = new EventSource('/api/events');
      source = it;
      it.addEventListener('studies', () => {
        again(LISTS);
      });
      it.addEventListener('analyses', ({ data }: MessageEvent<string>) => {
        analysed((JSON.parse(data) as { studies: string[] }).studies);
      });
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
        if (interrupted) {
          again(LISTS);
          analysed(null);
        }
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

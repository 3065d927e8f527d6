/** Pages that are open show what is new: the backend says what was written, and what shows it is asked for again. */
import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { ApiError, call } from './client.ts';
import { concerned, Told } from './concerned.ts';
import { paced } from './pace.ts';

const ANALYSES = ['analyses', 'analysis-queue'];
/** Studies may come many times a second: what shows them is asked for so often at most. */
const REST_MILLISECONDS = 1_000;
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
    let told = new Told();
    const pace = paced(async () => {
      const now = told;
      told = new Told();
      await client.invalidateQueries({ predicate: ({ queryKey }) => concerned(client, now, queryKey) });
    }, REST_MILLISECONDS);
    const look = (): void => {
      // A page that nobody sees asks for nothing until it is seen.
      if (!told.none && document.visibilityState === 'visible') pace.ask();
    };
    const written = (studies: readonly string[]): void => {
      told.add(studies);
      look();
    };
    document.addEventListener('visibilitychange', look);
    const analysed = (studies: readonly string[] | null): void => {
      void client.invalidateQueries({ predicate: ({ queryKey }) => ANALYSES.includes(String(queryKey[0])) });
      for (const it of [...listeners]) it(studies);
    };
    let source: EventSource | null = null;
    let timer: number | undefined;
    // After an interruption something may have been missed.
    let interrupted = false;
    const connect = (): void => {
      const it = new EventSource('/api/events');
      source = it;
      it.addEventListener('studies', ({ data }: MessageEvent<string>) => {
        written((JSON.parse(data) as { studies: string[] }).studies);
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
          written([]);
          analysed(null);
        }
        interrupted = false;
      };
    };
    connect();
    return () => {
      document.removeEventListener('visibilitychange', look);
      pace.stop();
      window.clearTimeout(timer);
      source?.close();
    };
  }, [client]);
}

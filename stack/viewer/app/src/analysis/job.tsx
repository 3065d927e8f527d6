/** A job that is not done: where it stands, and why. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { call } from '../api/client.ts';
import { instant } from '../dicom/dates.ts';
import type { Job } from './types.ts';

const WORDS: Readonly<Record<Job['state'], string>> = {
  queued: 'waits for its turn',
  running: 'is being done',
  done: 'is done',
  failed: 'failed, and is tried again',
  dead: 'was given up',
};

/** What is not done and not overtaken: no later job of the same provider is done. */
export function openJobs(jobs: readonly Job[]): Job[] {
  return jobs.filter(
    (it, index) =>
      it.state !== 'done' && !jobs.slice(0, index).some((one) => one.provider === it.provider && one.state === 'done'),
  );
}

/** @param retries whether the reader may have it done again */
export function JobState({ job: it, title, retries }: { job: Job; title: string; retries: boolean }): ReactElement {
  const client = useQueryClient();
  const retry = useMutation({
    mutationFn: async () => call<Job>(`/api/analyses/${it.id}/retry`, { method: 'POST' }),
    onSettled: async () => {
      await client.invalidateQueries({ queryKey: ['analyses'] });
      await client.invalidateQueries({ queryKey: ['analysis-queue'] });
    },
  });
  const bad = it.state === 'failed' || it.state === 'dead';
  return (
    <div className={bad ? 'analysis-job bad' : 'analysis-job'}>
      <p>
        <span className="report-badge">{it.state}</span> <bdi>{title}</bdi> {WORDS[it.state]}
        {it.attempts > 1 || bad ? `, attempt ${String(it.attempts)}` : ''}
        {it.state === 'failed' && it.next_try_at !== null ? ` at ${instant(it.next_try_at)}` : ''}
        {it.requested_by === null ? '' : ' · asked for by '}
        {it.requested_by === null ? null : <bdi>{it.requested_by}</bdi>}
      </p>
      {it.last_error === null ? null : (
        <p className="analysis-why">
          Reason: <bdi>{it.last_error}</bdi>
        </p>
      )}
      {retries && bad ? (
        <button
          type="button"
          className="button small"
          disabled={retry.isPending}
          onClick={() => {
            retry.mutate();
          }}
        >
          Try again now<span className="hidden">: {title}</span>
        </button>
      ) : null}
      {retry.isError ? (
        <p className="failed" role="alert">
          {retry.error.message}
        </p>
      ) : null}
    </div>
  );
}

/** The queue of analyses: how much waits, and what was given up. */
import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { Link } from 'react-router';
import '../analysis/analysis.css';
import { JobState } from '../analysis/job.tsx';
import type { Job, Providers } from '../analysis/types.ts';
import { call } from '../api/client.ts';
import type { Page } from '../api/types.ts';
import { Failed, Waiting } from '../components/states.tsx';

const SHOWN = 20;
const STATES = ['queued', 'running', 'failed', 'dead'] as const;
type State = (typeof STATES)[number];
const EVERY_MILLISECONDS = 30_000;

export function Queue(): ReactElement {
  const queue = useQuery({
    queryKey: ['analysis-queue'],
    queryFn: async () => {
      const pages = await Promise.all(
        STATES.map(async (it) => call<Page<Job>>(`/api/analyses?state=${it}&limit=${String(SHOWN)}`)),
      );
      return Object.fromEntries(STATES.map((it, index) => [it, pages[index]])) as Record<State, Page<Job>>;
    },
    refetchInterval: EVERY_MILLISECONDS,
  });
  const providers = useQuery({ queryKey: ['providers'], queryFn: async () => call<Providers>('/api/providers') });
  const { data } = queue;
  return (
    <section aria-labelledby="queue" className="analysis">
      <h2 id="queue">Analyses</h2>
      {queue.isPending ? <Waiting what="the queue" /> : null}
      {queue.isError ? <Failed error={queue.error} retry={() => void queue.refetch()} /> : null}
      {providers.data === undefined ? null : <ProviderList {...providers.data} />}
      {data === undefined ? null : (
        <>
          <p>
            {STATES.map((it) => `${data[it].total.toLocaleString()} ${WORDS[it]}`).join(', ')}.
            {data.dead.total > SHOWN ? ` The newest ${String(SHOWN)} that were given up:` : ''}
          </p>
          {[...data.dead.items, ...data.failed.items].map((it) => (
            <div key={it.id}>
              <JobState job={it} title={it.provider} retries />
              <p className="quiet">
                <Link to={`/studies/${it.study_instance_uid}`}>
                  To the study<span className="hidden"> of {it.provider}</span>
                </Link>
              </p>
            </div>
          ))}
        </>
      )}
    </section>
  );
}

const WORDS: Readonly<Record<State, string>> = {
  queued: 'waiting',
  running: 'being done',
  failed: 'to be tried again',
  dead: 'given up',
};

function ProviderList({ providers }: Providers): ReactElement {
  if (providers.length === 0) return <p className="quiet">No provider of analyses is set up here.</p>;
  return (
    <ul className="plain">
      {providers.map((it) => (
        <li key={it.id}>
          <bdi>{it.card === null ? it.id : `${it.card.title} ${it.card.version}`}</bdi>:{' '}
          {it.reachable ? (
            <span className="good">answers</span>
          ) : (
            <span className="failed">does not answer{it.problem === null ? '' : `: ${it.problem}`}</span>
          )}
          {it.on_arrival ? ', analyses what arrives' : ''}
        </li>
      ))}
    </ul>
  );
}

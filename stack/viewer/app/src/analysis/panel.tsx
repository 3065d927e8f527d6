/** The analyses of a study, on its page: what providers found, what is still being done, and asking for more. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { call } from '../api/client.ts';
import { useSession } from '../api/session.ts';
import type { Series, Study } from '../api/types.ts';
import { Failed, Waiting } from '../components/states.tsx';
import './analysis.css';
import { JobState, openJobs } from './job.tsx';
import type { Where } from './place.tsx';
import { Result } from './result.tsx';
import type { Analyses, Job, Providers } from './types.ts';

const MAY_ASK: ReadonlySet<string> = new Set(['radiologist', 'technologist', 'administrator']);

export function StudyAnalyses({ study, series }: { study: Study; series: readonly Series[] }): ReactElement {
  const session = useSession();
  const path = `/api/studies/${encodeURIComponent(study.id)}/analyses`;
  const analyses = useQuery({ queryKey: ['analyses', study.id], queryFn: async () => call<Analyses>(path) });
  const providers = useQuery({
    queryKey: ['providers'],
    queryFn: async () => call<Providers>('/api/providers'),
    staleTime: 60_000,
  });
  const role = session.data?.role ?? 'viewer';
  const known = providers.data?.providers ?? [];
  const titleOf = (id: string): string => known.find((it) => it.id === id)?.card?.title ?? id;
  return (
    <section aria-labelledby="analysis" className="analysis">
      <h2 id="analysis">Analysis</h2>
      <p className="quiet">Made by programs. Nothing here is a diagnosis, and nobody has verified it.</p>
      {MAY_ASK.has(role) && known.length > 0 ? <Ask path={path} providers={known} study={study} /> : null}
      {analyses.isPending ? <Waiting what="analyses" /> : null}
      {analyses.isError ? <Failed error={analyses.error} retry={() => void analyses.refetch()} /> : null}
      {analyses.data === undefined ? null : (
        <Told
          analyses={analyses.data}
          titleOf={titleOf}
          where={{ study: study.study_instance_uid, series }}
          retries={role === 'administrator'}
          set={providers.isPending || known.length > 0}
        />
      )}
    </section>
  );
}

interface ToldProps {
  analyses: Analyses;
  titleOf: (id: string) => string;
  where: Where;
  retries: boolean;
  /** Whether anything can be analysed at all. */
  set: boolean;
}

function Told({ analyses: { items, jobs, total }, titleOf, where, retries, set }: ToldProps): ReactElement {
  const newest = items.filter((it, index) => items.findIndex((one) => one.provider.id === it.provider.id) === index);
  const older = items.filter((it) => !newest.includes(it));
  const open = openJobs(jobs);
  return (
    <>
      <div aria-live="polite">
        {open.map((it) => (
          <JobState key={it.id} job={it} title={titleOf(it.provider)} retries={retries} />
        ))}
      </div>
      {items.length + open.length > 0 ? null : (
        <p className="quiet">{set ? 'This study was not analysed.' : 'No provider of analyses is set up here.'}</p>
      )}
      {newest.map((it) => (
        <Result key={it.id} result={it} where={where} />
      ))}
      {older.length === 0 ? null : (
        <details className="analysis-older">
          <summary>
            Earlier results ({older.length}
            {total > items.length ? ' of more' : ''})
          </summary>
          {older.map((it) => (
            <Result key={it.id} result={it} where={where} />
          ))}
        </details>
      )}
    </>
  );
}

function Ask({
  path,
  providers,
  study,
}: {
  path: string;
  providers: Providers['providers'];
  study: Study;
}): ReactElement {
  const client = useQueryClient();
  const ask = useMutation({
    mutationFn: async (provider: string) => call<Job>(path, { method: 'POST', body: { provider } }),
    onSuccess: async () => client.invalidateQueries({ queryKey: ['analyses', study.id] }),
  });
  const suits = (modalities: readonly string[]): boolean =>
    modalities.length === 0 || study.modalities_in_study.some((it) => modalities.includes(it));
  return (
    <>
      <p className="report-buttons">
        {providers.map(({ id, card, reachable, problem }) => {
          const reads = suits(card?.modalities ?? []);
          const why = !reads ? 'reads no image of this kind' : reachable ? null : (problem ?? 'does not answer');
          return (
            <span key={id} className="analysis-ask">
              <button
                type="button"
                className="button"
                disabled={ask.isPending || !reads}
                aria-describedby={why === null ? undefined : `why-${id}`}
                onClick={() => {
                  ask.mutate(id);
                }}
              >
                Analyse: <bdi>{card?.title ?? id}</bdi>
              </button>
              {why === null ? null : (
                <span className="quiet" id={`why-${id}`}>
                  {why}
                </span>
              )}
            </span>
          );
        })}
      </p>
      {ask.isError ? (
        <p className="failed" role="alert">
          {ask.error.message}
        </p>
      ) : null}
    </>
  );
}

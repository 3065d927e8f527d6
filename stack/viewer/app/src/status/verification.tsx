/** What `orthancgen verify` saw last, and whom Orthanc refused until then. */
import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { call } from '../api/client.ts';
import type { Verification as Told } from '../api/types.ts';
import { Failed, Waiting } from '../components/states.tsx';
import { instant } from '../dicom/dates.ts';

const EVERY_MILLISECONDS = 30_000;

export function Verification(): ReactElement {
  const found = useQuery({
    queryKey: ['verification'],
    queryFn: async () => call<{ verification: Told | null }>('/api/status/verification'),
    refetchInterval: EVERY_MILLISECONDS,
  });
  const told = found.data?.verification;
  return (
    <>
      <section aria-labelledby="verification">
        <h2 id="verification">Last verification</h2>
        {found.isPending ? <Waiting what="the verification" /> : null}
        {found.isError ? <Failed error={found.error} retry={() => void found.refetch()} /> : null}
        {told === null ? (
          <p className="quiet">
            None was told yet: <code>orthancgen verify</code> and <code>deploy</code> tell theirs here.
          </p>
        ) : null}
        {told == null ? null : <Checks told={told} />}
      </section>
      {told == null ? null : <Refused told={told} />}
    </>
  );
}

function Checks({ told: { checks, run_by, finished_at } }: { told: Told }): ReactElement {
  const count = (outcome: string): number => checks.filter((it) => it.outcome === outcome).length;
  const failed = checks.filter((it) => it.outcome === 'failed');
  const skipped = count('skipped');
  return (
    <>
      <p>
        <strong className={failed.length === 0 ? 'good' : 'failed'}>
          {failed.length === 0 ? 'Every proof held' : `${String(failed.length)} failed`}
        </strong>
        : {count('passed')} passed{skipped === 0 ? '' : `, ${String(skipped)} not applicable`}. As of{' '}
        {instant(finished_at)}, run by <bdi>{run_by}</bdi>.
      </p>
      {failed.length === 0 ? null : (
        <ul className="problems">
          {failed.map((it) => (
            <li key={it.id}>
              <strong>
                <bdi>{it.title}</bdi>
              </strong>
              : expected <bdi>{it.expected}</bdi>; seen <bdi>{it.seen}</bdi>
              {it.hint === null ? null : (
                <span className="quiet">
                  {' '}
                  (<bdi>{it.hint}</bdi>)
                </span>
              )}
            </li>
          ))}
        </ul>
      )}
      <details>
        <summary>All {checks.length} checks</summary>
        <div className="scroll" tabIndex={0} role="region" aria-label="All checks">
          <table className="dense">
            <thead>
              <tr>
                <th scope="col">Outcome</th>
                <th scope="col">Check</th>
                <th scope="col">Seen</th>
              </tr>
            </thead>
            <tbody>
              {checks.map((it) => (
                <tr key={it.id}>
                  <td className={it.outcome === 'failed' ? 'failed' : it.outcome === 'passed' ? 'good' : 'quiet'}>
                    {it.outcome === 'skipped' ? 'not applicable' : it.outcome}
                  </td>
                  <td>
                    <bdi>{it.title}</bdi>
                  </td>
                  <td>
                    <bdi>{it.seen}</bdi>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </>
  );
}

function Refused({ told: { refused_associations: it } }: { told: Told }): ReactElement {
  return (
    <section aria-labelledby="refused">
      <h2 id="refused">Refused associations</h2>
      {it === null ? (
        <p className="quiet">Orthanc&rsquo;s log could not be read by the last verification.</p>
      ) : (
        <>
          <p>
            <strong>{it.count === 0 ? 'None' : it.count.toLocaleString()}</strong>, from {instant(it.since)} to{' '}
            {instant(it.until)}.{' '}
            <span className="quiet">
              Read from Orthanc&rsquo;s log by the last verification, whose own calls are left out; later ones are not
              in it.
            </span>
          </p>
          {it.latest.length === 0 ? null : (
            <div className="scroll" tabIndex={0} role="region" aria-label="Latest refused associations">
              <table className="dense">
                <thead>
                  <tr>
                    <th scope="col">When</th>
                    <th scope="col">AE title</th>
                    <th scope="col">Address</th>
                    <th scope="col">Why</th>
                  </tr>
                </thead>
                <tbody>
                  {it.latest.map((one, index) => (
                    <tr key={index}>
                      <td className="nowrap">{instant(one.at)}</td>
                      <td>
                        <bdi>{one.aet ?? '–'}</bdi>
                      </td>
                      <td>
                        <bdi>{one.address ?? '–'}</bdi>
                      </td>
                      <td>
                        <bdi>{one.reason}</bdi>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
        </>
      )}
    </section>
  );
}

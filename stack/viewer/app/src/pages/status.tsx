import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { call } from '../api/client.ts';
import type { Status as StatusAnswer } from '../api/types.ts';
import { Failed, Waiting } from '../components/states.tsx';
import { useTitle } from '../components/title.ts';
import { instant } from '../dicom/dates.ts';
import { Queue } from '../status/queue.tsx';
import { Verification } from '../status/verification.tsx';

const EVERY_MILLISECONDS = 5_000;

const counted = (count: number | null, one: string, more: string): string =>
  count === null ? `unknown ${more}` : `${count.toLocaleString()} ${count === 1 ? one : more}`;
const answers = (it: boolean): string => (it ? 'answers' : 'does not answer');

/** How the services are and how far the deliveries are; for administrators. */
export function Status(): ReactElement {
  useTitle('Status');
  const status = useQuery({
    queryKey: ['status'],
    queryFn: async () => call<StatusAnswer>('/api/status'),
    refetchInterval: EVERY_MILLISECONDS,
  });
  if (status.isPending) return <Waiting what="the status" />;
  if (status.isError) return <Failed page error={status.error} retry={() => void status.refetch()} />;
  const { ready, problems, delivery, orthanc, database, worker, environment, version } = status.data;
  const age = delivery.oldest_undelivered_seconds;
  const oldest = age === null ? '' : `, the oldest ${String(Math.round(age))} s old`;
  return (
    <>
      <h1>Status</h1>
      <p className={ready ? 'good' : 'failed'} role="status">
        {ready ? 'All services are well.' : problems.join('; ')}
      </p>
      <dl className="facts">
        <dt>Environment</dt>
        <dd>
          {environment.name} ({environment.kind}), backend {version}
        </dd>
        <dt>Orthanc</dt>
        <dd>
          {answers(orthanc.reachable)}: {orthanc.name ?? '–'} {orthanc.version ?? ''}, AE title{' '}
          {orthanc.dicom_aet ?? '–'}
        </dd>
        <dt>Database</dt>
        <dd>
          {answers(database.reachable)}: {counted(database.studies, 'study', 'studies')},{' '}
          {counted(database.instances, 'image', 'images')}
        </dd>
        <dt>Backlog</dt>
        <dd>
          {delivery.backlog === 0 ? 'none' : `${delivery.backlog.toLocaleString()} changes`}
          {oldest}
        </dd>
        <dt>Deliveries</dt>
        <dd>
          {worker.role}, last round {instant(worker.last_round_at)}
          {worker.last_error === null || worker.failures_in_a_row === 0 ? '' : `; ${worker.last_error.message}`}
        </dd>
      </dl>
      <Verification />
      <Queue />
    </>
  );
}

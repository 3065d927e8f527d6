import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { useParams } from 'react-router';
import { call } from '../api/client.ts';
import type { Page, Patient as PatientRecord, Study } from '../api/types.ts';
import { Name } from '../components/name.tsx';
import { Empty, Failed, Waiting } from '../components/states.tsx';
import { StudiesTable } from '../components/studies-table.tsx';
import { useTitle } from '../components/title.ts';
import { bytes, dicomDate } from '../dicom/dates.ts';

const SAME_FOR_ALL = ['patient_name', 'patient_id'];

/** One patient with all studies. */
export function Patient(): ReactElement {
  useTitle('Patient');
  const { id = '' } = useParams();
  const path = `/api/patients/${encodeURIComponent(id)}`;
  const patient = useQuery({ queryKey: ['patient', id], queryFn: async () => call<PatientRecord>(path) });
  const studies = useQuery({
    queryKey: ['studies', 'of', id],
    queryFn: async () => call<Page<Study>>(`${path}/studies?limit=500`),
  });
  if (patient.isPending) return <Waiting what="the patient" />;
  if (patient.isError) return <Failed page error={patient.error} retry={() => void patient.refetch()} />;
  const it = patient.data;
  return (
    <>
      <h1>
        <Name value={it.patient_name} />
      </h1>
      <dl className="facts">
        <dt>Patient ID</dt>
        <dd>
          <bdi>{it.patient_id === '' ? '–' : it.patient_id}</bdi>
        </dd>
        <dt>Birth date</dt>
        <dd>{dicomDate(it.patient_birth_date)}</dd>
        <dt>Sex</dt>
        <dd>{it.patient_sex ?? '–'}</dd>
        <dt>Images</dt>
        <dd>
          {it.number_of_instances.toLocaleString()} ({bytes(it.size_bytes)})
        </dd>
      </dl>
      <h2>Studies</h2>
      {studies.isPending ? <Waiting what="studies" /> : null}
      {studies.isError ? <Failed error={studies.error} retry={() => void studies.refetch()} /> : null}
      {studies.data?.total === 0 ? <Empty>No study of this patient is recorded.</Empty> : null}
      {studies.data !== undefined && studies.data.total > 0 ? (
        <StudiesTable studies={studies.data.items} caption="Studies of this patient" without={SAME_FOR_ALL} />
      ) : null}
    </>
  );
}

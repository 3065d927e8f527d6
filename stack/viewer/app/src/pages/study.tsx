import { useQuery } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { Link, useParams } from 'react-router';
import { StudyAnalyses } from '../analysis/panel.tsx';
import { call } from '../api/client.ts';
import type { Instance, Page, Series, Study as StudyRecord } from '../api/types.ts';
import { Name } from '../components/name.tsx';
import { Empty, Failed, Waiting } from '../components/states.tsx';
import { useTitle } from '../components/title.ts';
import { ageAt, bytes, dicomDate, dicomTime, instant } from '../dicom/dates.ts';
import { imagesOf } from '../dicom/images.ts';
import { personName } from '../dicom/person.ts';
import { isPictured, whyNotShown } from '../dicom/shown.ts';
import { StudyReports } from '../reports/list.tsx';

/** One study with its series; opening it is written down by the backend. */
export function Study(): ReactElement {
  useTitle('Study');
  const { uid = '' } = useParams();
  const path = `/api/studies/${encodeURIComponent(uid)}`;
  const study = useQuery({
    queryKey: ['study', uid],
    queryFn: async () => call<StudyRecord>(path),
    // Who comes back to the window has not opened the study again; what changes meanwhile is heard otherwise.
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
  const series = useQuery({
    queryKey: ['series', uid],
    queryFn: async () => call<Page<Series>>(`${path}/series?limit=500`),
    enabled: study.isSuccess,
  });
  if (study.isPending) return <Waiting what="the study" />;
  if (study.isError) return <Failed page error={study.error} retry={() => void study.refetch()} />;
  const it = study.data;
  const age = ageAt(it.patient_birth_date, it.study_date);
  return (
    <>
      <header className="page-head">
        <div>
          <p className="study-patient">
            <Link to={`/patients/${it.parent_patient}`}>
              <Name value={it.patient_name} />
            </Link>
            <span>
              <bdi>{it.patient_id}</bdi>
            </span>
            <span>
              born {dicomDate(it.patient_birth_date)}
              {age === null ? '' : ` (${String(age)} years)`}
            </span>
            {it.patient_sex === null || it.patient_sex === '' ? null : <span>{it.patient_sex}</span>}
          </p>
          <h1>
            <bdi>{it.study_description ?? 'Study without a description'}</bdi>
          </h1>
        </div>
        <a className="button primary" href={imagesOf(it.study_instance_uid)}>
          Open the images
        </a>
      </header>
      <div className="study">
        <div>
          <dl className="facts">
            <dt>Date</dt>
            <dd>
              {dicomDate(it.study_date)} {dicomTime(it.study_time)}
            </dd>
            <dt>Modality</dt>
            <dd>{it.modalities_in_study.join(', ') || '–'}</dd>
            <dt>Accession number</dt>
            <dd>
              <bdi>{it.accession_number ?? '–'}</bdi>
            </dd>
            <dt>Referring physician</dt>
            <dd>
              <bdi>{personName(it.referring_physician_name).main || '–'}</bdi>
            </dd>
            <dt>Sender</dt>
            <dd>
              <bdi>{[...it.remote_aets, ...it.remote_ips].join(', ') || '–'}</bdi>
            </dd>
            <dt>Received</dt>
            <dd>
              {instant(it.last_received_at)}
              {it.is_stable ? '' : ', images are still arriving'}
            </dd>
            <dt>Images</dt>
            <dd>
              {it.number_of_instances.toLocaleString()} in {it.number_of_series} series ({bytes(it.size_bytes)})
            </dd>
          </dl>
          <StudyReports study={it.id} />
        </div>
        <div>
          <h2>Series</h2>
          {series.isPending ? <Waiting what="series" /> : null}
          {series.isError ? <Failed error={series.error} retry={() => void series.refetch()} /> : null}
          {series.data?.total === 0 ? <Empty>No series is recorded.</Empty> : null}
          <ul className="series">
            {series.data?.items.map((one) => (
              <SeriesCard key={one.id} study={it.study_instance_uid} series={one} />
            ))}
          </ul>
          <StudyAnalyses study={it} series={series.data?.items ?? []} />
        </div>
      </div>
    </>
  );
}

function SeriesCard({ study, series: it }: { study: string; series: Series }): ReactElement {
  const note = whyNotShown(it);
  return (
    <li>
      <a href={imagesOf(study, it.series_instance_uid)}>
        <Thumbnail study={study} series={it} />
        <span className="series-title">
          <strong>
            {it.modality ?? '?'} {it.series_number ?? ''}
          </strong>{' '}
          <bdi>{it.series_description ?? ''}</bdi>
        </span>
        <span className="quiet">
          {it.number_of_instances.toLocaleString()} {it.number_of_instances === 1 ? 'image' : 'images'}
          {it.body_part_examined === null ? '' : `, ${it.body_part_examined}`}
        </span>
        {note === null ? null : <span className="note">{note}</span>}
      </a>
    </li>
  );
}

/** The middle image of a series, drawn by Orthanc; a series without pixels has none. */
function Thumbnail({ study, series: it }: { study: string; series: Series }): ReactElement {
  const [broken, setBroken] = useState(false);
  const middle = Math.floor((it.number_of_instances - 1) / 2);
  const instance = useQuery({
    queryKey: ['series', it.id, 'middle', middle],
    queryFn: async () => call<Page<Instance>>(`/api/series/${it.id}/instances?limit=1&offset=${String(middle)}`),
    staleTime: Infinity,
  });
  const one = instance.data?.items[0];
  const none = one !== undefined && !isPictured(one);
  if (none || broken || instance.isError) return <span className="thumbnail none">no picture</span>;
  if (one === undefined) return <span className="thumbnail" />;
  const place = `/dicom-web/studies/${study}/series/${it.series_instance_uid}/instances/${one.sop_instance_uid}`;
  const path = `${place}/rendered`;
  return (
    <img
      className="thumbnail"
      src={path}
      alt=""
      loading="lazy"
      onError={() => {
        setBroken(true);
      }}
    />
  );
}

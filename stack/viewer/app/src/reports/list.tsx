/** The reports of a study, on the study's page. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { Link, useNavigate } from 'react-router';
import { call } from '../api/client.ts';
import { useSession } from '../api/session.ts';
import type { Page } from '../api/types.ts';
import { Pager } from '../components/pager.tsx';
import { Failed, Waiting } from '../components/states.tsx';
import { instant } from '../dicom/dates.ts';
import { DeliveryState, pdfOf } from './history.tsx';
import { uuid } from './local.ts';
import './reports.css';
import { beginReport } from './saver.ts';
import { stateText, type Summary } from './types.ts';

const LIMIT = 20;

/** @param study Orthanc's identifier of it */
export function StudyReports({ study }: { study: string }): ReactElement {
  const session = useSession();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [offset, setOffset] = useState(0);
  const [id, setId] = useState(uuid);
  const path = `/api/studies/${encodeURIComponent(study)}/reports`;
  const reports = useQuery({
    queryKey: ['reports', study, offset],
    queryFn: async () => call<Page<Summary>>(`${path}?limit=${String(LIMIT)}&offset=${String(offset)}`),
  });
  const begin = useMutation({
    mutationFn: async () => beginReport(study, id),
    onSuccess: (report) => {
      setId(uuid());
      void client.invalidateQueries({ queryKey: ['reports', study] });
      void navigate(`/reports/${report.id}`);
    },
  });
  const writes = session.data?.role === 'radiologist' || session.data?.role === 'technologist';
  return (
    <section aria-labelledby="reports">
      <h2 id="reports">Reports</h2>
      {reports.isPending ? <Waiting what="reports" /> : null}
      {reports.isError ? <Failed error={reports.error} retry={() => void reports.refetch()} /> : null}
      {reports.data?.total === 0 ? <p className="quiet">There is no report to read.</p> : null}
      <ul className="report-list">
        {reports.data?.items.map((it) => (
          <li key={it.id}>
            <Link to={`/reports/${it.id}`}>{it.title}</Link> <span className="report-badge">{stateText(it)}</span>{' '}
            <span className="quiet">
              <bdi>{it.changed_by}</bdi>, {instant(it.changed_at)}
            </span>{' '}
            {it.version === 0 ? null : (
              <a href={pdfOf(it.id, it.version)} target="_blank" rel="noreferrer">
                PDF<span className="hidden"> of {it.title}</span>
              </a>
            )}{' '}
            <DeliveryState delivery={it.delivery} />
          </li>
        ))}
      </ul>
      {(reports.data?.total ?? 0) > LIMIT ? (
        <Pager total={reports.data?.total ?? 0} limit={LIMIT} offset={offset} onMove={setOffset} />
      ) : null}
      {writes ? (
        <p>
          <button
            type="button"
            className="button"
            disabled={begin.isPending}
            onClick={() => {
              begin.mutate();
            }}
          >
            {begin.isPending ? 'Beginning …' : 'Begin a report'}
          </button>
        </p>
      ) : null}
      {begin.isError ? (
        <p className="failed" role="alert">
          {begin.error.message}
        </p>
      ) : null}
    </section>
  );
}

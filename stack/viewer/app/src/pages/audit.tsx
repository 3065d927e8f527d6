import { useQuery } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { Link } from 'react-router';
import { AuditExport } from './audit-export.tsx';
import { call } from '../api/client.ts';
import type { AuditEntry, Page } from '../api/types.ts';
import { Pager } from '../components/pager.tsx';
import { Empty, Failed, Waiting } from '../components/states.tsx';
import { useTitle } from '../components/title.ts';
import { dayOf, timeOf } from '../dicom/dates.ts';

const LIMIT = 100;
const COLUMNS = ['When', 'What', 'Outcome', 'Who', 'From', 'Patient', 'Study'];

/** Who did what; for administrators. Looking at it is written down too. */
export function Audit(): ReactElement {
  useTitle('Audit trail');
  const [offset, setOffset] = useState(0);
  const trail = useQuery({
    queryKey: ['audit', offset],
    queryFn: async () => call<Page<AuditEntry>>(`/api/audit?limit=${String(LIMIT)}&offset=${String(offset)}`),
  });
  if (trail.isPending) return <Waiting what="the audit trail" />;
  if (trail.isError) return <Failed page error={trail.error} retry={() => void trail.refetch()} />;
  return (
    <>
      <h1>Audit trail</h1>
      <AuditExport />
      {trail.data.total === 0 ? <Empty>Nothing yet.</Empty> : null}
      <div className="scroll" tabIndex={0} role="region" aria-label="Audit trail">
        <table className="audit" role="table">
          <thead role="rowgroup">
            <tr role="row">
              {COLUMNS.map((it) => (
                <th key={it} scope="col" role="columnheader">
                  {it}
                </th>
              ))}
            </tr>
          </thead>
          <tbody role="rowgroup">
            {trail.data.items.map((it) => (
              <Entry key={it.id} entry={it} />
            ))}
          </tbody>
        </table>
      </div>
      <Pager total={trail.data.total} limit={LIMIT} offset={offset} onMove={setOffset} />
    </>
  );
}

/** Roles are told beside the elements: on a phone an entry is laid out as a card. */
function Entry({ entry: it }: { entry: AuditEntry }): ReactElement {
  return (
    <tr role="row">
      <td role="cell">
        <span className="nowrap">{dayOf(it.at)}</span> <span className="nowrap">{timeOf(it.at)}</span>
      </td>
      <td className="what" role="cell">
        {it.event.replaceAll('_', ' ')}
      </td>
      <td role="cell" className={it.outcome === 0 ? undefined : 'failed'}>
        {it.outcome === 0 ? 'done' : 'refused'}
      </td>
      <td role="cell">
        <bdi>{it.user}</bdi> <span className="quiet">{it.role}</span>
      </td>
      <td role="cell">{it.address}</td>
      <td role="cell">{it.patient_id === null ? null : <bdi>{it.patient_id}</bdi>}</td>
      <td className="uid" role="cell">
        {it.study_instance_uid === null ? null : (
          <Link to={`/studies/${it.study_instance_uid}`}>{it.study_instance_uid}</Link>
        )}
      </td>
    </tr>
  );
}

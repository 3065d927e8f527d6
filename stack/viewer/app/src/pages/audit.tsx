import { useQuery } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { AuditExport } from './audit-export.tsx';
import { call } from '../api/client.ts';
import type { AuditEntry, Page } from '../api/types.ts';
import { Pager } from '../components/pager.tsx';
import { Empty, Failed, Waiting } from '../components/states.tsx';
import { instant } from '../dicom/dates.ts';

const LIMIT = 100;

/** Who did what; for administrators. Looking at it is written down too. */
export function Audit(): ReactElement {
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
        <table>
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">What</th>
              <th scope="col">Outcome</th>
              <th scope="col">Who</th>
              <th scope="col">From</th>
              <th scope="col">Patient</th>
              <th scope="col">Study</th>
            </tr>
          </thead>
          <tbody>
            {trail.data.items.map((it) => (
              <tr key={it.id}>
                <td className="nowrap">{instant(it.at)}</td>
                <td>{it.event.replaceAll('_', ' ')}</td>
                <td>{it.outcome === 0 ? 'done' : 'refused'}</td>
                <td>
                  <bdi>{it.user}</bdi> <span className="quiet">{it.role}</span>
                </td>
                <td>{it.address}</td>
                <td>
                  <bdi>{it.patient_id}</bdi>
                </td>
                <td className="uid">{it.study_instance_uid}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <Pager total={trail.data.total} limit={LIMIT} offset={offset} onMove={setOffset} />
    </>
  );
}

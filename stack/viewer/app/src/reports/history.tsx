/** Every version of a report: who made it when, what changed since the one before, and its PDF. */
import { useQuery } from '@tanstack/react-query';
import { diffWordsWithSpace } from 'diff';
import { useState, type ReactElement } from 'react';
import { call } from '../api/client.ts';
import type { Page } from '../api/types.ts';
import { Pager } from '../components/pager.tsx';
import { Failed, Waiting } from '../components/states.tsx';
import { instant } from '../dicom/dates.ts';
import type { Delivery, Version } from './types.ts';

const LIMIT = 10;
/** A comparison that takes longer shows both texts whole. */
const DIFF_MILLISECONDS = 300;

export function DeliveryState({ delivery }: { delivery: Delivery | null }): ReactElement | null {
  if (delivery === null) return null;
  if (delivery.state === 'stored') return <span className="good">stored with the images</span>;
  return (
    <span className="report-warn">
      not yet stored with the images{delivery.last_error === null ? '' : `: ${delivery.last_error}`}
    </span>
  );
}

export const pdfOf = (report: string, version: number): string =>
  `/api/reports/${report}/versions/${String(version)}/pdf`;

/** @param newest changes with each new version */
export function History({ report, newest }: { report: string; newest: number }): ReactElement | null {
  const [offset, setOffset] = useState(0);
  const versions = useQuery({
    queryKey: ['report-versions', report, newest, offset],
    // One more than is shown: what the last one is compared with.
    queryFn: async () =>
      call<Page<Version>>(`/api/reports/${report}/versions?limit=${String(LIMIT + 1)}&offset=${String(offset)}`),
    enabled: newest > 0,
    refetchInterval: ({ state }) => (state.data?.items.some((it) => it.delivery?.state === 'waiting') ? 4_000 : false),
  });
  if (newest === 0) return null;
  return (
    <section aria-labelledby="history">
      <h2 id="history">History</h2>
      {versions.isPending ? <Waiting what="the history" /> : null}
      {versions.isError ? <Failed error={versions.error} retry={() => void versions.refetch()} /> : null}
      <ol className="report-history" reversed start={versions.data?.items[0]?.version ?? 1}>
        {versions.data?.items.slice(0, LIMIT).map((it, index, shown) => (
          <li key={it.version} value={it.version}>
            <p>
              <strong>{it.state}</strong> by <bdi>{it.by}</bdi>, {instant(it.at)} ·{' '}
              <a href={pdfOf(report, it.version)} target="_blank" rel="noreferrer">
                PDF of version {it.version}
              </a>{' '}
              <DeliveryState delivery={it.delivery} />
            </p>
            {it.reason === null ? null : (
              <p>
                Reason: <bdi>{it.reason}</bdi>
              </p>
            )}
            <Changes now={it} before={versions.data.items[index + 1] ?? null} open={shown.length === 1} />
          </li>
        ))}
      </ol>
      {(versions.data?.total ?? 0) > LIMIT ? (
        <Pager total={versions.data?.total ?? 0} limit={LIMIT} offset={offset} onMove={setOffset} />
      ) : null}
    </section>
  );
}

function Changes({ now, before, open }: { now: Version; before: Version | null; open: boolean }): ReactElement {
  const [isOpen, setOpen] = useState(open && before === null);
  return (
    <details
      open={isOpen}
      onToggle={({ currentTarget }) => {
        setOpen(currentTarget.open);
      }}
    >
      <summary>
        {before === null ? 'Text' : `Changes since version ${String(before.version)}`}
        <span className="hidden"> of version {now.version}</span>
      </summary>
      {isOpen ? <Differences now={now} before={before} /> : null}
    </details>
  );
}

function Differences({ now, before }: { now: Version; before: Version | null }): ReactElement {
  const flat = (it: Version | null): Version['sections'][number]['fields'] =>
    it?.sections.flatMap((one) => one.fields) ?? [];
  const [mine, earlier] = [flat(now), flat(before)];
  const gone = earlier.filter((it) => !mine.some((one) => one.id === it.id));
  const rows = [...mine, ...gone.map((it) => ({ ...it, text: '' }))]
    .map((it) => ({ ...it, old: before === null ? it.text : (earlier.find((one) => one.id === it.id)?.text ?? '') }))
    .filter((it) => before === null || it.old !== it.text);
  if (rows.length === 0) return <p className="quiet">The text is the same.</p>;
  return (
    <dl className="report-read">
      {rows.map((it) => (
        <div key={it.id}>
          <dt lang={now.language}>{it.label}</dt>
          <dd className="report-text" dir="auto">
            <Difference from={it.old} to={it.text} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Difference({ from, to }: { from: string; to: string }): ReactElement {
  if (from === to) return <>{to}</>;
  const parts = diffWordsWithSpace(from, to, { timeout: DIFF_MILLISECONDS }) ?? [
    { value: from, removed: true, added: false },
    { value: to, removed: false, added: true },
  ];
  return (
    <>
      {parts.map((it, index) => {
        if (it.removed) {
          return (
            <del key={index}>
              <span className="hidden">removed: </span>
              {it.value}
            </del>
          );
        }
        if (!it.added) return <span key={index}>{it.value}</span>;
        return (
          <ins key={index}>
            <span className="hidden">added: </span>
            {it.value}
          </ins>
        );
      })}
    </>
  );
}

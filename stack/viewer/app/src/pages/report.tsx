import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState, useSyncExternalStore, type ReactElement } from 'react';
import { Link, useParams } from 'react-router';
import { call } from '../api/client.ts';
import { onAnalyses } from '../api/news.ts';
import { useSession } from '../api/session.ts';
import type { Session } from '../api/types.ts';
import { Name } from '../components/name.tsx';
import { Failed, Waiting } from '../components/states.tsx';
import { useTitle } from '../components/title.ts';
import { dicomDate } from '../dicom/dates.ts';
import { imagesOf } from '../dicom/images.ts';
import { Conflicts } from '../reports/conflicts.tsx';
import { Ask } from '../reports/dialogs.tsx';
import { Field, numberTrouble } from '../reports/field.tsx';
import { DeliveryState, History } from '../reports/history.tsx';
import { Newer } from '../reports/newer.tsx';
import '../reports/reports.css';
import { saverOf, textOf, type Saver, type Status, type View } from '../reports/saver.ts';
import { stateText, type ReportPage, type Subject, type Version } from '../reports/types.ts';

const PRESENT_MILLISECONDS = 5_000;

/** One report: to be written, signed and amended, or to be read. */
export function Report(): ReactElement {
  useTitle('Report');
  const { id = '' } = useParams();
  const session = useSession();
  const client = useQueryClient();
  const [saver, setSaver] = useState<Saver | null>(null);
  const page = useQuery({
    queryKey: ['report', id],
    queryFn: async () => call<ReportPage>(`/api/reports/${encodeURIComponent(id)}`),
    // Each reading is written down; what changes meanwhile is heard otherwise.
    staleTime: Infinity,
    gcTime: 0,
    refetchOnWindowFocus: false,
  });
  const { data } = page;
  const user = session.data?.user;
  useEffect(() => {
    let gone = false;
    if (data === undefined || user === undefined) return;
    const here = {
      user,
      csrf: () => client.getQueryData<Session | null>(['session'])?.csrf ?? '',
      onEnded: () => client.setQueryData(['session'], null),
    };
    void saverOf(data, here).then((it) => {
      if (!gone) setSaver(it);
    });
    return () => {
      gone = true;
    };
  }, [data, user, client]);
  if (page.isError) return <Failed error={page.error} retry={() => void page.refetch()} />;
  if (saver?.view().report.id !== id) return <Waiting what="the report" />;
  return <Open saver={saver} user={user ?? ''} />;
}

function Open({ saver, user }: { saver: Saver; user: string }): ReactElement {
  const view = useSyncExternalStore(saver.subscribe, saver.view);
  const { report, template } = view;
  const { draft, may, published, language } = report;
  useEffect(
    () =>
      onAnalyses((studies) => {
        if (studies === null || studies.includes(report.study_id)) void saver.look();
      }),
    [saver, report.study_id],
  );
  return (
    <>
      <header className="page-head">
        <div>
          <p>
            <Link to={`/studies/${report.study_id}`}>To the study</Link>
          </p>
          <h1 lang={language}>{report.title}</h1>
          {report.subject === null ? null : <Whose subject={report.subject} />}
        </div>
        <a className="button" href={imagesOf(report.study_instance_uid)}>
          Open the images
        </a>
      </header>
      <div className="report-bar">
        <span className="report-badge">{stateText(report)}</span>
        {published === null ? null : <DeliveryState delivery={published.delivery} />}
        {may.save || Object.keys(view.typed).length > 0 ? <Saving view={view} /> : null}
        <p className="report-buttons">
          <Actions saver={saver} view={view} user={user} />
        </p>
      </div>
      {report.amending === null ? null : (
        <p>
          Reason of the amendment: <bdi>{report.amending.reason}</bdi>. Until it is signed, others read version{' '}
          {report.version}.
        </p>
      )}
      <Others view={view} />
      {draft === null ? null : (
        <Conflicts
          conflicts={draft.conflicts}
          fields={template.sections.flatMap((it) => it.fields)}
          language={language}
          textOf={(field) => textOf(view, draft, field)}
          maySettle={may.save}
          onSettle={(conflict, text) => void saver.settle(conflict.id, conflict.field, text)}
        />
      )}
      {draft === null ? null : (
        <Newer
          newer={draft.newer}
          fields={template.sections.flatMap((it) => it.fields)}
          language={language}
          saver={saver}
        />
      )}
      {draft !== null && (may.save || published === null) ? <Form saver={saver} view={view} /> : null}
      {!may.save && published !== null ? <Reading version={published} /> : null}
      <History report={report.id} newest={report.version} />
    </>
  );
}

/** Whose report it is, and of which study. */
function Whose({ subject: it }: { subject: Subject }): ReactElement {
  return (
    <dl className="facts">
      <dt>Patient</dt>
      <dd>
        <strong>
          <Name value={it.patient_name} />
        </strong>
        , <bdi>{it.patient_id}</bdi>, born {dicomDate(it.patient_birth_date)}
        {it.patient_sex === null ? null : (
          <>
            , <bdi>{it.patient_sex}</bdi>
          </>
        )}
      </dd>
      <dt>Study</dt>
      <dd>
        {dicomDate(it.study_date)}, <bdi>{it.study_description ?? 'without a description'}</bdi>
        {it.accession_number === null ? null : (
          <>
            , <bdi>{it.accession_number}</bdi>
          </>
        )}
      </dd>
    </dl>
  );
}

const STATUS: Readonly<Record<Status, string>> = {
  saved: 'Everything is saved',
  waiting: 'Not saved yet',
  saving: 'Saving …',
  away: 'Not saved: the server does not answer. It is tried again',
  refused: 'Not saved',
};

function Saving({ view: { status, trouble, keeps, typed } }: { view: View }): ReactElement {
  const open = Object.keys(typed).length > 0;
  const note = open && status !== 'saving' ? (keeps ? '; kept in this browser' : '; NOT kept in this browser') : '';
  const good = status === 'saved' && !open;
  return (
    <>
      <span role="status" className={good ? 'good' : status === 'away' || status === 'refused' ? 'report-warn' : ''}>
        {STATUS[status]}
        {note}
      </span>
      {trouble === null ? null : (
        <span role="alert" className="failed">
          {trouble}
        </span>
      )}
    </>
  );
}

function Others({ view: { others, restored, report } }: { view: View }): ReactElement {
  const names = [...new Set(others.map((it) => it.user))];
  return (
    <div role="status">
      {names.length > 0 && report.may.save ? (
        <p>
          Also open for writing: <bdi>{names.join(', ')}</bdi>
        </p>
      ) : null}
      {restored ? <p>What was typed here before and had not been saved is back.</p> : null}
    </div>
  );
}

function Actions({ saver, view, user }: { saver: Saver; view: View; user: string }): ReactElement {
  const { may } = view.report;
  return (
    <>
      {may.preliminary ? (
        <Ask
          button="Give to read …"
          title="Give the report to read"
          confirm="Give to read"
          act={async () => saver.act('preliminary')}
        >
          <p>Others will read the text as it is now, as a preliminary report that nobody has signed.</p>
        </Ask>
      ) : null}
      {may.sign ? (
        <Ask
          button="Sign …"
          primary
          title="Sign the report"
          confirm={`Sign as ${user}`}
          missing={missingOf(view)}
          act={async () => saver.act('sign')}
        >
          <p>
            You sign as <strong>{user}</strong>. A signed report is not changed any more: later changes are amendments
            with a reason.
          </p>
        </Ask>
      ) : null}
      {may.amend ? (
        <Ask
          button="Amend …"
          title="Amend the report"
          confirm="Begin the amendment"
          reason="Reason"
          act={async (reason) => saver.act('amend', { reason })}
        >
          <p>What was signed stays as it is. The amendment is a new version, once it is signed.</p>
        </Ask>
      ) : null}
    </>
  );
}

/** What stands in the way of a signature. The server decides; this tells it before. */
function missingOf(view: View): string[] {
  const { report, template } = view;
  const { draft, language } = report;
  if (draft === null) return [];
  return template.sections
    .flatMap((it) => it.fields)
    .flatMap((field) => {
      const label = field.label[language];
      const text = textOf(view, draft, field.id);
      const open = draft.fields[field.id]?.confirmed === false && view.typed[field.id] === undefined;
      return [
        ...(field.required && text.trim() === '' ? [`${label}: fill it in`] : []),
        ...(open ? [`${label}: confirm what was filled in`] : []),
        ...(numberTrouble(field, text) === null ? [] : [`${label}: correct the number`]),
        ...(draft.conflicts.some((it) => it.field === field.id) ? [`${label}: choose one of the two texts`] : []),
      ];
    });
}

function Form({ saver, view }: { saver: Saver; view: View }): ReactElement {
  const { report, template, typed, others } = view;
  const { draft, may, language } = report;
  const focus = useRef<string | null>(null);
  const [trouble, setTrouble] = useState<string | null>(null);
  const writing = may.save;
  useEffect(() => {
    if (!writing) return;
    const tell = (): void => {
      if (document.visibilityState === 'visible') void saver.present(focus.current);
    };
    tell();
    const timer = setInterval(tell, PRESENT_MILLISECONDS);
    return () => {
      clearInterval(timer);
    };
  }, [saver, writing]);
  if (draft === null) return <></>;
  const confirm = (fields: string[]): void => {
    setTrouble(null);
    saver.act('confirm', { fields }).catch((error: unknown) => {
      setTrouble(error instanceof Error ? error.message : 'This could not be confirmed.');
    });
  };
  return (
    <form
      className="report-form"
      aria-label="Report"
      onSubmit={(event) => {
        event.preventDefault();
      }}
    >
      {trouble === null ? null : (
        <p className="failed" role="alert">
          {trouble}
        </p>
      )}
      {template.sections.map((section) => (
        <fieldset key={section.id}>
          <legend lang={language}>{section.title[language]}</legend>
          {section.fields.map((field) => (
            <Field
              key={field.id}
              field={field}
              language={language}
              text={textOf(view, draft, field.id)}
              value={draft.fields[field.id]}
              typed={typed[field.id] !== undefined}
              readOnly={!writing}
              mayConfirm={may.confirm}
              others={others}
              onType={(text) => {
                saver.type(field.id, text);
              }}
              onFocus={() => {
                focus.current = field.id;
              }}
              onLeave={() => {
                focus.current = null;
                if (Object.keys(saver.view().typed).length > 0) void saver.flush();
              }}
              onConfirm={() => {
                confirm([field.id]);
              }}
            />
          ))}
        </fieldset>
      ))}
    </form>
  );
}

function Reading({ version }: { version: Version }): ReactElement {
  return (
    <article lang={version.language} aria-label={version.title}>
      {version.sections.map((section) => (
        <section key={section.title}>
          <h2>{section.title}</h2>
          <dl className="report-read">
            {section.fields.map((it) => (
              <div key={it.id}>
                <dt>
                  {it.label}
                  {it.confirmed ? '' : ' (filled in automatically, not confirmed)'}
                </dt>
                <dd className="report-text" dir="auto">
                  {it.text}
                </dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </article>
  );
}

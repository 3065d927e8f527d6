/** Analyses that came after the draft was begun: offered beside it, never put in by themselves. */
import { useState, type ReactElement } from 'react';
import type { Saver } from './saver.ts';
import type { Field, Language, Newer as NewerShape } from './types.ts';

interface NewerProps {
  newer: readonly NewerShape[];
  fields: readonly Field[];
  language: Language;
  saver: Saver;
}

export function Newer({ newer, fields, language, saver }: NewerProps): ReactElement | null {
  if (newer.length === 0) return null;
  return (
    <section className="report-newer" role="status" aria-labelledby="newer">
      <h2 id="newer">New analysis since this draft</h2>
      {newer.map((it) => (
        <One
          key={`${it.field} ${it.digest}`}
          offer={it}
          label={fields.find((one) => one.id === it.field)?.label[language] ?? it.field}
          language={language}
          saver={saver}
        />
      ))}
    </section>
  );
}

interface OneProps {
  offer: NewerShape;
  label: string;
  language: Language;
  saver: Saver;
}

function One({ offer, label, language, saver }: OneProps): ReactElement {
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState<string | null>(null);
  const settle = (take: boolean) => () => {
    setBusy(true);
    setTrouble(null);
    saver
      .act('analyses', { field: offer.field, digest: offer.digest, take })
      .catch((error: unknown) => {
        setTrouble(error instanceof Error ? error.message : 'This could not be done.');
      })
      .finally(() => {
        setBusy(false);
      });
  };
  return (
    <article>
      <h3 lang={language}>{label}</h3>
      <p className="report-note">
        From {offer.origin?.kind === 'analysis' ? 'an analysis' : 'a measurement'} (
        <bdi>{offer.origin?.source ?? ''}</bdi>).{' '}
        {offer.replaces ? 'It takes the place of what was filled in.' : 'It is written below what was typed.'} It must
        be confirmed before the report can be signed.
      </p>
      <details>
        <summary>
          Show the text<span className="hidden"> for {label}</span>
        </summary>
        <p className="report-text" dir="auto">
          {offer.value}
        </p>
      </details>
      <p className="report-buttons">
        <button type="button" className="button" disabled={busy} onClick={settle(true)}>
          Take over<span className="hidden">: {label}</span>
        </button>
        <button type="button" className="button" disabled={busy} onClick={settle(false)}>
          Leave out<span className="hidden">: {label}</span>
        </button>
      </p>
      {trouble === null ? null : (
        <p className="failed" role="alert">
          {trouble}
        </p>
      )}
    </article>
  );
}

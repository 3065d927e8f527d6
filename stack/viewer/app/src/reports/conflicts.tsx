/** Texts that came too late for their field, each beside the one that is there, until somebody chooses. */
import type { ReactElement } from 'react';
import { instant } from '../dicom/dates.ts';
import type { Conflict, Field, Language } from './types.ts';

interface ConflictsProps {
  conflicts: readonly Conflict[];
  fields: readonly Field[];
  language: Language;
  textOf: (field: string) => string;
  maySettle: boolean;
  onSettle: (conflict: Conflict, text: string) => void;
}

export function Conflicts({ conflicts, ...rest }: ConflictsProps): ReactElement | null {
  if (conflicts.length === 0) return null;
  return (
    <section className="report-conflicts" role="alert" aria-labelledby="conflicts">
      <h2 id="conflicts">Two texts for one field</h2>
      <p>Somebody else changed the same text. Neither is lost: choose what stays in the report.</p>
      {conflicts.map((it) => (
        <One key={it.id} conflict={it} {...rest} />
      ))}
    </section>
  );
}

type OneProps = Omit<ConflictsProps, 'conflicts'> & { conflict: Conflict };

function One({ conflict: it, fields, language, textOf, maySettle, onSettle }: OneProps): ReactElement {
  const field = fields.find((one) => one.id === it.field);
  const shown = (text: string): string => {
    if (text === '') return '(empty)';
    return field?.choices?.find((one) => one.value === text)?.label[language] ?? text;
  };
  const now = textOf(it.field);
  const settle = (text: string) => () => {
    onSettle(it, text);
  };
  return (
    <article className="report-conflict">
      <h3 lang={language}>{field?.label[language] ?? it.field}</h3>
      <div className="report-sides">
        <div>
          <h4>In the report now</h4>
          <p className="report-text" dir="auto">
            {shown(now)}
          </p>
        </div>
        <div>
          <h4>
            Kept beside it: <bdi>{it.by}</bdi>, {instant(it.at)}
          </h4>
          <p className="report-text" dir="auto">
            {shown(it.value)}
          </p>
        </div>
      </div>
      {maySettle ? (
        <p className="report-buttons">
          <button type="button" className="button" onClick={settle(now)}>
            Leave the report as it is
          </button>
          <button type="button" className="button" onClick={settle(it.value)}>
            Take the other text
          </button>
          {field?.kind === 'text' && now !== '' ? (
            <button type="button" className="button" onClick={settle(`${now}\n${it.value}`)}>
              Take both, one below the other
            </button>
          ) : null}
        </p>
      ) : null}
    </article>
  );
}

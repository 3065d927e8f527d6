/** One field of a report: typed, chosen or counted; marked as long as nobody confirmed what was filled in. */
import type { ReactElement } from 'react';
import type { Editor, Field as FieldShape, Language, Value } from './types.ts';

interface FieldProps {
  field: FieldShape;
  language: Language;
  text: string;
  /** What the server has; undefined for nothing yet. */
  value: Value | undefined;
  typed: boolean;
  readOnly: boolean;
  mayConfirm: boolean;
  others: readonly Editor[];
  onType: (text: string) => void;
  onFocus: () => void;
  onLeave: () => void;
  onConfirm: () => void;
}

const ORIGINS = { metadata: 'the images', measurement: 'a measurement', analysis: 'an analysis' } as const;
const LONGEST = 20_000;

/** What is wrong with a number; null for nothing. The server looks again before it takes a signature. */
export function numberTrouble(field: FieldShape, text: string): string | null {
  if (field.kind !== 'number' || text.trim() === '') return null;
  const { minimum = -Infinity, maximum = Infinity } = field;
  const number = /^-?\d{1,9}(?:[.,]\d{1,6})?$/.test(text.trim()) ? Number(text.trim().replace(',', '.')) : NaN;
  if (Number.isNaN(number)) return 'Write a number such as 12 or 12.5.';
  return number < minimum || number > maximum ? `From ${String(minimum)} to ${String(maximum)}.` : null;
}

export function Field(props: FieldProps): ReactElement {
  const { field, language, text, value, typed, readOnly, mayConfirm, others, onConfirm } = props;
  const id = `field-${field.id}`;
  const open = value?.confirmed === false && !typed;
  const trouble = numberTrouble(field, text);
  const here = others.filter((it) => it.field === field.id).map((it) => it.user);
  const notes = [
    open ? `${id}-origin` : '',
    trouble === null ? '' : `${id}-trouble`,
    here.length > 0 ? `${id}-here` : '',
  ];
  const described = notes.filter((it) => it !== '').join(' ');
  return (
    <div className={open ? 'report-field open' : 'report-field'}>
      <label htmlFor={id} lang={language}>
        {field.label[language]}
        {field.kind === 'number' && field.unit !== '' ? ` (${field.unit ?? ''})` : ''}
        {field.required ? <span className="quiet"> · required</span> : null}
      </label>
      <Input {...props} id={id} described={described} wrong={trouble !== null} />
      {open ? (
        <p className="report-note" id={`${id}-origin`}>
          Filled in from {ORIGINS[value.origin?.kind ?? 'metadata']} (<bdi>{value.origin?.source ?? ''}</bdi>), not
          confirmed.{' '}
          {mayConfirm && !readOnly ? (
            <button type="button" className="button small" onClick={onConfirm}>
              Confirm<span className="hidden"> {field.label[language]}</span>
            </button>
          ) : null}
        </p>
      ) : null}
      {trouble === null ? null : (
        <p className="report-note failed" id={`${id}-trouble`} role="alert">
          {trouble}
        </p>
      )}
      {here.length === 0 ? null : (
        <p className="report-note" id={`${id}-here`}>
          <bdi>{here.join(', ')}</bdi> {here.length === 1 ? 'is' : 'are'} writing here.
        </p>
      )}
    </div>
  );
}

type InputProps = FieldProps & { id: string; described: string; wrong: boolean };

function Input({ field, language, text, readOnly, id, described, wrong, ...on }: InputProps): ReactElement {
  const common = {
    id,
    value: text,
    dir: 'auto',
    lang: language,
    onFocus: on.onFocus,
    onBlur: on.onLeave,
    ...(described === '' ? {} : { 'aria-describedby': described }),
    ...(wrong ? { 'aria-invalid': true } : {}),
  } as const;
  if (field.kind === 'choice') {
    return (
      <select
        {...common}
        disabled={readOnly}
        onChange={({ target }) => {
          on.onType(target.value);
        }}
      >
        <option value="">–</option>
        {field.choices?.map((it) => (
          <option key={it.value} value={it.value}>
            {it.label[language]}
          </option>
        ))}
      </select>
    );
  }
  if (field.kind === 'number') {
    return (
      <input
        {...common}
        inputMode="decimal"
        maxLength={20}
        readOnly={readOnly}
        autoComplete="off"
        onChange={({ target }) => {
          on.onType(target.value);
        }}
      />
    );
  }
  return (
    <textarea
      {...common}
      rows={field.lines ?? 4}
      maxLength={LONGEST}
      readOnly={readOnly}
      onChange={({ target }) => {
        on.onType(target.value);
      }}
    />
  );
}

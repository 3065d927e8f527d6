/** The trail as a file, of a range of days or whole. Taking it is written down. */
import { useState, type ReactElement } from 'react';

const FORMATS = [
  ['atna', 'ATNA messages (DICOM PS3.15, XML)'],
  ['csv', 'Table (CSV)'],
  ['json', 'JSON lines'],
] as const;
const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;

/** A day of the reader's calendar as an instant; nothing for none. */
function instantOf(day: string, more: number): string | null {
  const date = new Date(`${day}T00:00:00`);
  return Number.isNaN(date.getTime()) ? null : new Date(date.getTime() + more).toISOString();
}

export function AuditExport(): ReactElement {
  const [format, setFormat] = useState('atna');
  const [from, setFrom] = useState('');
  const [to, setTo] = useState('');
  const query = new URLSearchParams({ format });
  const [first, last] = [instantOf(from, 0), instantOf(to, DAY_MILLISECONDS - 1)];
  if (first !== null) query.set('from', first);
  if (last !== null) query.set('to', last);
  return (
    <form
      className="filters"
      aria-label="Export of the audit trail"
      onSubmit={(event) => {
        event.preventDefault();
      }}
    >
      <div className="filter">
        <label htmlFor="export-format">Export as</label>
        <select
          id="export-format"
          value={format}
          onChange={({ target }) => {
            setFormat(target.value);
          }}
        >
          {FORMATS.map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      </div>
      <div className="filter">
        <label htmlFor="export-from">From day</label>
        <input
          id="export-from"
          type="date"
          value={from}
          onChange={({ target }) => {
            setFrom(target.value);
          }}
        />
      </div>
      <div className="filter">
        <label htmlFor="export-to">To day</label>
        <input
          id="export-to"
          type="date"
          value={to}
          onChange={({ target }) => {
            setTo(target.value);
          }}
        />
      </div>
      <a className="button" href={`/api/audit/export?${query.toString()}`} download>
        Export
      </a>
    </form>
  );
}

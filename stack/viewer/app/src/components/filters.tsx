/** What the list of studies is searched and filtered by. On a phone all but the search are folded. */
import { useEffect, useId, useState, type ReactElement } from 'react';

/** A pause in the typing; searches that are outdated by then are never asked. */
const TYPING_MILLISECONDS = 150;
const FILTERS = [
  { name: 'q', label: 'Search', type: 'search', hint: 'name, identifier, accession number, description' },
  { name: 'study_date_from', label: 'Study date from', type: 'date', hint: '' },
  { name: 'study_date_to', label: 'to', type: 'date', hint: '' },
  { name: 'modality', label: 'Modality', type: 'text', hint: 'CT, MR' },
  { name: 'description', label: 'Description', type: 'text', hint: 'chest' },
  { name: 'sender', label: 'Sender', type: 'text', hint: 'AE title or address' },
] as const;
export const FILTER_NAMES: ReadonlySet<string> = new Set(FILTERS.map((it) => it.name));

interface FiltersProps {
  /** Those that are set. */
  values: Readonly<Record<string, string>>;
  onChange: (name: string, value: string) => void;
  onClear: () => void;
}

export function Filters({ values, onChange, onClear }: FiltersProps): ReactElement {
  const [open, setOpen] = useState(false);
  const id = useId();
  const folded = Object.keys(values).filter((it) => it !== 'q').length;
  const [search, ...others] = FILTERS.map((it) => (
    <Filter
      key={it.name}
      {...it}
      value={values[it.name] ?? ''}
      onChange={(value) => {
        onChange(it.name, value);
      }}
    />
  ));
  return (
    <form
      className="filters"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
      }}
    >
      {search}
      <button
        type="button"
        className="button unfold"
        aria-expanded={open}
        aria-controls={id}
        onClick={() => {
          setOpen(!open);
        }}
      >
        Filters{folded === 0 ? '' : ` (${String(folded)})`}
      </button>
      <div id={id} className={open ? 'filters-more open' : 'filters-more'}>
        {others}
      </div>
      <button type="button" className="button" disabled={Object.keys(values).length === 0} onClick={onClear}>
        Clear
      </button>
    </form>
  );
}

interface FilterProps {
  name: string;
  label: string;
  type: string;
  hint: string;
  value: string;
  onChange: (value: string) => void;
}

/** A field whose value counts when the typing pauses. */
function Filter({ name, label, type, hint, value, onChange }: FilterProps): ReactElement {
  const id = useId();
  const [typed, setTyped] = useState(value);
  const [shown, setShown] = useState(value);
  const [sent, setSent] = useState<readonly string[]>([]);
  if (value !== shown) {
    setShown(value);
    // Either it comes back from here, and more may be typed by now; or it was changed elsewhere: going back, or Clear.
    const own = sent.indexOf(value);
    setSent(own < 0 ? [] : sent.slice(own + 1));
    if (own < 0) setTyped(value);
  }
  useEffect(() => {
    if (typed.trim() === value) return undefined;
    const timer = setTimeout(() => {
      setSent((before) => [...before, typed.trim()]);
      onChange(typed.trim());
    }, TYPING_MILLISECONDS);
    return () => {
      clearTimeout(timer);
    };
  }, [typed]);
  return (
    <div className={`filter ${name}`}>
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        name={name}
        type={type}
        value={typed}
        placeholder={hint}
        maxLength={200}
        onChange={({ target }) => {
          setTyped(target.value);
        }}
      />
    </div>
  );
}

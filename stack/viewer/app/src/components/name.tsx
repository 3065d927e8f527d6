import type { ReactElement } from 'react';
import { personName } from '../dicom/person.ts';

/** A person's name, each group in its own direction. */
export function Name({ value }: { value: string | null }): ReactElement {
  const { main, others } = personName(value);
  if (main === '') return <span className="quiet">no name</span>;
  return (
    <span className="name">
      <bdi>{main}</bdi>
      {others.map((it) => (
        <bdi key={it} className="quiet">
          {it}
        </bdi>
      ))}
    </span>
  );
}

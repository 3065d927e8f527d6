/** One result of a provider. Its words are somebody else's: text, never markup. */
import { useId, type ReactElement } from 'react';
import { instant } from '../dicom/dates.ts';
import { Measurements } from './measurements.tsx';
import { seconds, shortDigest, shortNumber } from './numbers.ts';
import { Place, regionText, type Where } from './place.tsx';
import type { Finding, Result as ResultShape } from './types.ts';

export function Result({ result: it, where }: { result: ResultShape; where: Where }): ReactElement {
  const id = useId();
  const { provenance, findings, measurements } = it;
  const title = `${it.provider.title} ${it.provider.version}`;
  return (
    <article className="analysis-result" aria-labelledby={id}>
      <header>
        <h3 id={id}>
          <bdi>{title}</bdi>
        </h3>
        <span className="quiet">{instant(it.at)}</span>
        <p className="analysis-statement">
          <bdi>{it.statement}</bdi>
        </p>
      </header>
      <Partial result={it} where={where} />
      {findings.length === 0 ? null : <Findings findings={findings} where={where} />}
      {measurements.length === 0 ? null : (
        <Measurements measurements={measurements} where={where} caption={`Measurements of ${title}`} />
      )}
      {findings.length + measurements.length === 0 ? (
        <p className="quiet">The provider found nothing to tell, and measured nothing.</p>
      ) : null}
      <details className="analysis-origin">
        <summary>
          Where this comes from<span className="hidden">: {title}</span>
        </summary>
        <dl className="facts">
          <dt>Provider</dt>
          <dd>
            <bdi>{provenance.provider}</bdi>, version <bdi>{provenance.version}</bdi> ({it.provider.kind})
          </dd>
          <dt>Model</dt>
          <dd>{provenance.model_digest === null ? 'none: it computes' : <Digest value={provenance.model_digest} />}</dd>
          <dt>Images</dt>
          <dd>
            {provenance.instances_examined} of {provenance.instances_given} examined;{' '}
            <Digest value={provenance.input_digest} />
          </dd>
          <dt>When</dt>
          <dd>
            {instant(provenance.started_at)}, in {seconds(provenance.duration_seconds)}
          </dd>
          {Object.entries(provenance.parameters).map(([name, value]) => (
            <Parameter key={name} name={name} value={String(value)} />
          ))}
          <dt>In the archive</dt>
          <dd>{it.sr_sop_instance_uid === null ? 'not stored' : 'as a structured report of this study, unverified'}</dd>
        </dl>
      </details>
    </article>
  );
}

function Parameter({ name, value }: { name: string; value: string }): ReactElement {
  return (
    <>
      <dt>{name.replaceAll('_', ' ')}</dt>
      <dd>
        <bdi>{value}</bdi>
      </dd>
    </>
  );
}

function Digest({ value }: { value: string }): ReactElement {
  return (
    <span className="uid" title={value}>
      SHA-256 {shortDigest(value)}…
    </span>
  );
}

/** Says that not all images were examined, which ones could not be, and why. */
function Partial({ result, where }: { result: ResultShape; where: Where }): ReactElement | null {
  const { not_examined, provenance } = result;
  const { instances_examined, instances_given } = provenance;
  if (not_examined.length === 0 && instances_examined >= instances_given) return null;
  return (
    <div className="analysis-partial">
      <p>
        <strong>Partial:</strong> {instances_examined} of {instances_given} images were examined.
      </p>
      {not_examined.length === 0 ? null : (
        <details>
          <summary>{not_examined.length} could not be examined</summary>
          <ul>
            {not_examined.map((it, index) => (
              <li key={index}>
                <Place reference={it.reference} where={where} />: <bdi>{it.why}</bdi>
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

function Findings({ findings, where }: { findings: readonly Finding[]; where: Where }): ReactElement {
  return (
    <ul className="analysis-findings">
      {findings.map((it, index) => (
        <li key={index}>
          <bdi>{it.text}</bdi>{' '}
          <span className="quiet">
            {it.confidence === null ? '' : `confidence ${shortNumber(it.confidence)} · `}
            {it.reference === null ? 'the study' : <Place reference={it.reference} where={where} />}
            {it.region === null ? '' : ` · ${regionText(it.region)}`}
          </span>
        </li>
      ))}
    </ul>
  );
}

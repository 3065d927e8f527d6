/**
 * Values for a new report from what providers of analysis found in the study: the newest result of each.
 *
 * A provider is a program of somebody else: its words are text, and few of them are taken over. Each stands with the
 * provider's own statement of what it is.
 */
import type { FindCursor, WithId } from 'mongodb';
import type { ResultDocument } from '../analysis/documents.ts';
import type { Store } from '../store/database.ts';
import type { Prefilled, PrefillSource } from './prefill.ts';

/** Provider's kind -> the field of the templates its results go to. */
const FIELDS = { measurement: 'measurements', model: 'analysis' } as const;
const KINDS = { measurement: 'measurement', model: 'analysis' } as const;
const MOST_RESULTS = 50;
const MOST_LINES = 15;
const LONGEST_LINE = 200;

/** UCUM's unit of what has none. */
const NO_UNIT = '1';

type Kind = keyof typeof FIELDS;

/** Four significant digits are more than a report needs. */
const short = (value: number): string => String(Number(value.toPrecision(4)));
const line = (text: string): string => text.replace(/\s+/gu, ' ').trim().slice(0, LONGEST_LINE);

function wordsOf({ provider, analysis }: ResultDocument): string {
  const findings = analysis.findings.map(({ text, confidence }) =>
    confidence === null ? line(text) : `${line(text)} (confidence ${short(confidence)})`,
  );
  const measurements = analysis.measurements.map((it) =>
    line(`${it.title}: ${short(it.value)} ${it.unit === NO_UNIT ? '' : it.unit}`),
  );
  const all = [...findings, ...measurements];
  const more = all.length > MOST_LINES ? [`… and ${String(all.length - MOST_LINES)} more`] : [];
  const head = line(`${provider.title} ${provider.version}`);
  return [head, ...all.slice(0, MOST_LINES), ...more, line(analysis.statement)].join('\n');
}

/** The fields which results give. Results come newest first; of a provider's, the first counts. */
export function fromResults(results: readonly ResultDocument[]): Prefilled[] {
  const newest = results.filter(
    (it, index) => results.findIndex((one) => one.provider.id === it.provider.id) === index,
  );
  return (Object.keys(FIELDS) as Kind[]).flatMap((kind): Prefilled[] => {
    const own = newest.filter(({ provider, analysis }) => {
      return provider.kind === kind && analysis.findings.length + analysis.measurements.length > 0;
    });
    if (own.length === 0) return [];
    const source = own.map(({ provider }) => `${provider.id} ${provider.version}`).join(', ');
    const origin = { kind: KINDS[kind], source: line(source) };
    return [{ field: FIELDS[kind], value: own.map(wordsOf).join('\n\n'), origin }];
  });
}

const MOST_REMEMBERED = 200;

/** Looks the results up in the database; those that are the same as the last time are not read again. */
export function analysisSource(store: Store): PrefillSource {
  const remembered = new Map<string, { stamp: string; given: readonly Prefilled[] }>();
  return async ({ _id }) => {
    const found = (): FindCursor<WithId<ResultDocument>> =>
      store.analysisResults.find({ study: _id }).sort({ at: -1 }).limit(MOST_RESULTS);
    const stamp = JSON.stringify(await found().project({ at: 1 }).toArray());
    const before = remembered.get(_id);
    if (before?.stamp === stamp) return before.given;
    const given = stamp === '[]' ? [] : fromResults(await found().toArray());
    if (remembered.size >= MOST_REMEMBERED) remembered.clear();
    remembered.set(_id, { stamp, given });
    return given;
  };
}

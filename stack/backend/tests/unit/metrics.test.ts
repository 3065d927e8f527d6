/** The names that Prometheus scrapes follow its rules: https://prometheus.io/docs/practices/naming/ */
import { describe, expect, it } from 'vitest';
import { Metrics } from '../../src/metrics.ts';

const KIND = /^# TYPE (\w+) (counter|gauge|histogram)$/gm;

describe('the names of the metrics', async () => {
  const text = await new Metrics().registry.metrics();
  const kinds = [...text.matchAll(KIND)].map((found) => ({ name: found[1] ?? '', kind: found[2] ?? '' }));
  const named = (kind: string): string[] => kinds.filter((one) => one.kind === kind).map((one) => one.name);

  it('are all read', () => {
    expect(kinds).toHaveLength(text.split('\n').filter((line) => line.startsWith('# TYPE ')).length);
  });

  it('tell a count by its end, and nothing else', () => {
    expect(kinds.filter((one) => one.name.endsWith('_total')).map((one) => one.kind)).toEqual(
      named('counter').map(() => 'counter'),
    );
  });

  it('say of a time that it is a duration', () => {
    expect(named('histogram').filter((name) => !name.endsWith('_duration_seconds'))).toEqual([]);
  });
});

/** A provider of analysis that answers with what a contract forbids, or with text that hurts. */
import type { ServerResponse } from 'node:http';
import { emptyResult, Provider, provenance, type Asked } from '../../../backend/tests/live/provider.ts';

/** Text that would do something in a page which takes it for more than text. */
export const HOSTILE = '<img src=x onerror="window.hurt=1"><script>window.hurt=1</script>';
/** The same, and what follows is read from right to left. */
export const SCRIPT = `${HOSTILE}\u202ecba`;

/** Way of answering -> what comes of it: a result, or a reason of which this is a part. */
export const WAYS = {
  'hostile text': null,
  'longer than 1 MiB': 'longer than',
  'wrong types': 'not as the contract says',
  'no JSON': 'not as the contract says',
  'deep nesting': 'not as the contract says',
  'another study': 'another study',
  'never answers': 'no answer within',
  'drips without end': 'no answer within',
  'hangs up in the middle': 'cannot be reached',
  'leads elsewhere': 'answered 302',
  'an error with script': 'answered 500',
} as const satisfies Readonly<Record<string, string | null>>;
export type Way = keyof typeof WAYS;

export class HostileProvider extends Provider {
  readonly id: string;
  way: Way = 'hostile text';

  constructor(id: string) {
    super();
    this.id = id;
  }

  card(): object {
    const words = { title: SCRIPT.slice(0, 64), statement: SCRIPT, licence: SCRIPT.slice(0, 64) };
    return { id: this.id, version: '<b>1</b>', kind: 'measurement', modalities: [SCRIPT.slice(0, 16)], ...words };
  }

  answer({ study_instance_uid: study }: Asked, response: ServerResponse): void {
    const good = result(this.id, study);
    switch (this.way) {
      case 'hostile text':
        response.end(JSON.stringify(good));
        return;
      case 'longer than 1 MiB':
        response.end(JSON.stringify({ ...good, statement: 'x'.repeat(64 * 1024 * 1024) }));
        return;
      case 'wrong types':
        response.end(JSON.stringify({ ...good, findings: { length: 1e9 }, measurements: 'many', statement: ['S'] }));
        return;
      case 'no JSON':
        response.end(SCRIPT.repeat(1000));
        return;
      case 'deep nesting':
        response.end('['.repeat(500_000));
        return;
      case 'another study':
        response.end(JSON.stringify({ ...good, study_instance_uid: '1.2.3' }));
        return;
      case 'never answers':
        return;
      case 'drips without end': {
        response.write('{"statement":"');
        const timer = setInterval(() => response.write('x'), 50);
        response.on('close', () => {
          clearInterval(timer);
        });
        return;
      }
      case 'hangs up in the middle':
        response.writeHead(200, { 'content-length': '1000' });
        response.write('{');
        setTimeout(() => response.destroy(), 50);
        return;
      case 'leads elsewhere':
        response.writeHead(302, { location: 'http://192.0.2.1/' }).end();
        return;
      case 'an error with script':
        response.writeHead(500).end(JSON.stringify({ detail: `${SCRIPT}\u0007\u2028` }));
    }
  }
}

function result(id: string, study: string): object {
  const finding = { name: 'one', text: SCRIPT, confidence: 1 };
  const measurement = { name: 'size', title: SCRIPT.slice(0, 64), value: 1e308, unit: '<b>mm</b>' };
  return {
    ...emptyResult(id, study),
    statement: SCRIPT,
    findings: [finding, { ...finding, text: 'long '.repeat(400) }],
    measurements: [measurement],
    provenance: { ...provenance(id), version: '<b>1</b>', parameters: { one: SCRIPT } },
  };
}

/** Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): pages that show what is new. */
import type { Sessions } from '../../people/sessions.ts';
import type { App } from '../app.ts';
import type { NewsRoom } from '../news.ts';

/** A comment is sent so often that no proxy takes the connection for dead. */
const KEEP_ALIVE_MILLISECONDS = 15_000;

export function eventRoutes(app: App, newsRoom: NewsRoom, sessions: Sessions | null, cookie: string): void {
  app.get(
    '/api/events',
    { schema: { tags: ['records'], summary: 'New and changed studies and analyses, as server-sent events' } },
    async (request, reply) => {
      for (const [name, value] of Object.entries(reply.getHeaders())) {
        if (value !== undefined) reply.raw.setHeader(name, value);
      }
      reply.hijack();
      const { raw } = reply;
      const stream = { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' };
      raw.writeHead(200, stream);
      raw.write('retry: 2000\n\n');
      const stop = newsRoom.listen((event, news) => raw.write(`event: ${event}\ndata: ${JSON.stringify(news)}\n\n`));
      const token = request.identity?.session == null ? undefined : request.cookies[cookie];
      const alive = setInterval(() => {
        raw.write(': \n\n');
        // Listening is no use of the session: one that has ended, ends what it opened.
        if (token !== undefined && sessions !== null) {
          void sessions.peek(token, new Date()).then(
            (open) => {
              if (!open) raw.end();
            },
            () => undefined,
          );
        }
      }, KEEP_ALIVE_MILLISECONDS);
      raw.on('close', () => {
        clearInterval(alive);
        stop();
      });
    },
  );
}

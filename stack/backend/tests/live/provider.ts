/** Providers of analysis of the tests: a server that speaks their contract, and a result that says nothing. */
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  study_instance_uid: string;
  series: { series_instance_uid: string; instances: { sop_instance_uid: string }[] }[];
}

/** A provider on a free port of loopback: what it is, and what it answers, is said by who extends it. */
export abstract class Provider {
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      response.setHeader('content-type', 'application/json');
      if (request.url === '/v1/provider') {
        response.end(JSON.stringify(this.card()));
        return;
      }
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        if (request.url === '/v1/analyses') this.answer(JSON.parse(body) as Asked, response);
        else response.writeHead(404).end();
      });
    });
  }

  abstract card(): object;
  abstract answer(asked: Asked, response: ServerResponse): void;

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** A result without findings. */
export function emptyResult(provider: string, study: string): object {
  return {
    study_instance_uid: study,
    statement: 'S',
    findings: [],
    measurements: [],
    not_examined: [],
    provenance: provenance(provider),
  };
}

/** Where a result of one instance comes from. */
export function provenance(provider: string): object {
  return {
    provider,
    version: '1',
    model_digest: null,
    input_digest: `sha256:${'0'.repeat(64)}`,
    started_at: '2026-01-02T10:11:12Z',
    duration_seconds: 0,
    instances_given: 1,
    instances_examined: 1,
    parameters: {},
  };
}

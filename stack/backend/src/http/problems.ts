/** Error answers as RFC 9457 problem details. */
import { STATUS_CODES } from 'node:http';
import type { FastifyReply } from 'fastify';

/** One thing wrong with a request: where, and what. */
export interface Violation {
  readonly where: string;
  readonly what: string;
}

/** An error whose text may be told to the caller. */
export class Problem extends Error {
  readonly status: number;
  readonly violations: readonly Violation[];

  constructor(status: number, detail: string, violations: readonly Violation[] = []) {
    super(detail);
    this.name = 'Problem';
    this.status = status;
    this.violations = violations;
  }
}

/** Sends a problem as `application/problem+json`. */
export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  const body = {
    type: 'about:blank',
    title: STATUS_CODES[problem.status] ?? 'Error',
    status: problem.status,
    detail: problem.message,
    ...(problem.violations.length === 0 ? {} : { errors: problem.violations }),
  };
  return reply.code(problem.status).type('application/problem+json').serializer(String).send(JSON.stringify(body));
}

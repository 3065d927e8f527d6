/** Calls of the backend: the session's cookie goes by itself, its token with each change. */

/** An answer that is an error, in the backend's own words (RFC 9457). */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.name = 'ApiError';
    this.status = status;
  }
}

let csrf = '';

/** Remembers the token that changes must carry. */
export function rememberToken(token: string | null): void {
  csrf = token ?? '';
}

/** @throws ApiError as the backend says; status 0 where it does not answer. */
export async function call<T>(
  path: string,
  init: { method?: string; body?: unknown; signal?: AbortSignal } = {},
): Promise<T> {
  const method = init.method ?? 'GET';
  let answer: Response;
  try {
    answer = await fetch(path, {
      method,
      headers: {
        ...(init.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(method === 'GET' ? {} : { 'x-csrf-token': csrf }),
      },
      ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
      ...(init.signal === undefined ? {} : { signal: init.signal }),
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError(0, 'The server does not answer.');
  }
  if (!answer.ok) throw new ApiError(answer.status, await detailOf(answer));
  return (answer.status === 204 ? undefined : await answer.json()) as T;
}

async function detailOf(answer: Response): Promise<string> {
  try {
    const { detail } = (await answer.json()) as { detail?: unknown };
    if (typeof detail === 'string' && detail !== '') return detail.charAt(0).toUpperCase() + detail.slice(1) + '.';
  } catch {
    // Not the backend's own words: a server in between.
  }
  return `The server answered ${String(answer.status)}.`;
}

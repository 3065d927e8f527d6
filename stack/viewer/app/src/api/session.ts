/** Who is logged in. */
import {
  useMutation,
  useQuery,
  useQueryClient,
  type UseMutationResult,
  type UseQueryResult,
} from '@tanstack/react-query';
import { call, rememberToken } from './client.ts';
import type { Session } from './types.ts';

const KEY = ['session'] as const;

/** The session; null where nobody is logged in. */
export function useSession(): UseQueryResult<Session | null> {
  return useQuery({
    queryKey: KEY,
    queryFn: async () => {
      const session = await call<Session | { user: null }>('/api/session');
      if (session.user === null) return null;
      rememberToken(session.csrf);
      return session;
    },
    staleTime: 60_000,
  });
}

export function useLogin(): UseMutationResult<Session, Error, { user: string; password: string }> {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (body) => call<Session>('/api/session', { method: 'POST', body }),
    onSuccess: (session) => {
      rememberToken(session.csrf);
      client.clear();
      client.setQueryData(KEY, session);
    },
  });
}

export function useLogout(): UseMutationResult<void, Error, void> {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async () => call<undefined>('/api/session', { method: 'DELETE' }),
    onSettled: () => {
      // The session's own query stays: a page that is open listens to it, and would not hear of another.
      client.setQueryData(KEY, null);
      client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== KEY[0] });
    },
  });
}

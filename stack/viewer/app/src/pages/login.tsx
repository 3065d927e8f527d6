import { useId, type ReactElement, type SubmitEvent } from 'react';
import { useLogin } from '../api/session.ts';
import { useTitle } from '../components/title.ts';

/** Where to go after the login: a path of this site, nothing else. */
function destination(): string {
  const next = new URLSearchParams(window.location.search).get('next') ?? '/patients';
  return /^\/(?![/\\])/.test(next) && !next.startsWith('/login') ? next : '/patients';
}

export function Login(): ReactElement {
  useTitle('Log in');
  const login = useLogin();
  const [user, password] = [useId(), useId()];
  const submit = (event: SubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string): string => {
      const value = form.get(name);
      return typeof value === 'string' ? value : '';
    };
    login.mutate(
      { user: text('user').trim(), password: text('password') },
      {
        onSuccess: () => {
          // OHIF's pages are not of this application: the browser itself goes there.
          window.location.replace(destination());
        },
      },
    );
  };
  return (
    <main className="login">
      <form onSubmit={submit} aria-labelledby={`${user}-title`}>
        <h1 id={`${user}-title`}>Log in</h1>
        <label htmlFor={user}>User</label>
        <input
          id={user}
          name="user"
          autoComplete="username"
          required
          maxLength={64}
          autoCapitalize="none"
          spellCheck={false}
        />
        <label htmlFor={password}>Password</label>
        <input
          id={password}
          name="password"
          type="password"
          autoComplete="current-password"
          required
          maxLength={1024}
        />
        {login.isError ? (
          <p className="failed" role="alert">
            {login.error.message}
          </p>
        ) : null}
        <button type="submit" className="button primary" disabled={login.isPending}>
          {login.isPending ? 'Logging in …' : 'Log in'}
        </button>
      </form>
    </main>
  );
}

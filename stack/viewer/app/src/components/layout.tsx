/** The frame of every page: where one can go, who is logged in, light or dark. */
import { useState, type ReactElement } from 'react';
import { NavLink, Outlet } from 'react-router';
import { useNews } from '../api/news.ts';
import { useLogout } from '../api/session.ts';
import type { Session } from '../api/types.ts';
import { applyTheme, storedTheme, type Theme } from '../theme.ts';

const THEMES: readonly (readonly [Theme, string])[] = [
  ['device', 'As the device'],
  ['light', 'Light'],
  ['dark', 'Dark'],
];

export function Layout({ session }: { session: Session }): ReactElement {
  useNews();
  const logout = useLogout();
  const [theme, setTheme] = useState(storedTheme);
  const administrator = session.role === 'administrator';
  return (
    <>
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <header className="bar">
        <nav aria-label="Pages of this site">
          <NavLink to="/patients">Patients</NavLink>
          {administrator ? <NavLink to="/status">Status</NavLink> : null}
          {administrator ? <NavLink to="/audit">Audit trail</NavLink> : null}
        </nav>
        <label className="theme">
          <span>Appearance</span>
          <select
            value={theme}
            onChange={({ target }) => {
              const chosen = target.value as Theme;
              applyTheme(chosen);
              setTheme(chosen);
            }}
          >
            {THEMES.map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
        </label>
        <span className="who">
          {session.user} <span className="quiet">({session.role})</span>
        </span>
        <button
          type="button"
          className="button"
          onClick={() => {
            logout.mutate();
          }}
        >
          Log out
        </button>
      </header>
      <main id="main" tabIndex={-1}>
        <Outlet />
      </main>
    </>
  );
}

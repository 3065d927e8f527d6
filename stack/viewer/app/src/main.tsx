import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode, type ReactElement } from 'react';
import { createRoot } from 'react-dom/client';
import { BrowserRouter, Navigate, Route, Routes, useLocation } from 'react-router';
import { ApiError } from './api/client.ts';
import { useSession } from './api/session.ts';
import { Layout } from './components/layout.tsx';
import { Empty, Failed, Waiting } from './components/states.tsx';
import { useTitle } from './components/title.ts';
import { Audit } from './pages/audit.tsx';
import { Login } from './pages/login.tsx';
import { Patient } from './pages/patient.tsx';
import { Patients } from './pages/patients.tsx';
import { Report } from './pages/report.tsx';
import { Status } from './pages/status.tsx';
import { Study } from './pages/study.tsx';
import './styles.css';

/** A session that has ended is noticed by whatever is asked next. */
const ended = (error: unknown): void => {
  if (error instanceof ApiError && error.status === 401) client.setQueryData(['session'], null);
};
const client: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError: ended }),
  mutationCache: new MutationCache(),
  defaultOptions: {
    queries: {
      retry: (count, error) => count < 2 && !(error instanceof ApiError && error.status > 0 && error.status < 500),
      refetchOnWindowFocus: true,
    },
  },
});

function Missing(): ReactElement {
  useTitle('Not found');
  return (
    <>
      <h1>Not found</h1>
      <Empty>There is no such page.</Empty>
    </>
  );
}

function Pages(): ReactElement {
  const session = useSession();
  const { pathname, search } = useLocation();
  if (session.isPending) return <Waiting what="the pages" />;
  // Who is logged in stays known while the backend is away, and what is typed stays on the page.
  if (session.data === undefined) return <Failed error={session.error} retry={() => void session.refetch()} />;
  if (session.data === null) {
    return pathname === '/login' ? (
      <Login />
    ) : (
      <Navigate replace to={`/login?next=${encodeURIComponent(pathname + search)}`} />
    );
  }
  const administrator = session.data.role === 'administrator';
  return (
    <Routes>
      <Route element={<Layout session={session.data} />}>
        <Route path="/patients" element={<Patients />} />
        <Route path="/patients/:id" element={<Patient />} />
        <Route path="/studies/:uid" element={<Study />} />
        <Route path="/reports/:id" element={<Report />} />
        {administrator ? <Route path="/status" element={<Status />} /> : null}
        {administrator ? <Route path="/audit" element={<Audit />} /> : null}
        <Route path="/" element={<Navigate replace to="/patients" />} />
        <Route path="/login" element={<Navigate replace to="/patients" />} />
        <Route path="*" element={<Missing />} />
      </Route>
    </Routes>
  );
}

const root = document.getElementById('root');
if (root === null) throw new Error('the page has no root');
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <BrowserRouter>
        <Pages />
      </BrowserRouter>
    </QueryClientProvider>
  </StrictMode>,
);

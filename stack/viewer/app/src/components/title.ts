import { useEffect } from 'react';

/** Names the page in the browser's tab (WCAG 2.2, 2.4.2); never a patient, whom a history would go on naming. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} – Viewer`;
  }, [title]);
}

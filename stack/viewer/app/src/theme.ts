/** Light or dark: what the reader chose on this device, else what the device says. Set before anything is drawn. */

export type Theme = 'light' | 'dark' | 'device';
const KEY = 'theme';

export function storedTheme(): Theme {
  const stored = localStorage.getItem(KEY);
  return stored === 'light' || stored === 'dark' ? stored : 'device';
}

export function applyTheme(theme: Theme): void {
  if (theme === 'device') {
    localStorage.removeItem(KEY);
    document.documentElement.removeAttribute('data-theme');
  } else {
    localStorage.setItem(KEY, theme);
    document.documentElement.setAttribute('data-theme', theme);
  }
}

applyTheme(storedTheme());

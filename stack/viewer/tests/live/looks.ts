/** What a page must look like to everybody: no violation for axe, no sideways scroll; and pictures to be looked at. */
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Page } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** WCAG 2.2 at level AA, and what axe advises besides. */
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
/** Where pictures of the pages are kept to be looked at; nowhere without it. */
const PICTURES = process.env.ORTHANCGEN_PICTURES;

export const VIEWS = {
  'desktop-light': { colorScheme: 'light', viewport: { width: 1280, height: 900 } },
  'desktop-dark': { colorScheme: 'dark', viewport: { width: 1280, height: 900 } },
  'tablet-light': { colorScheme: 'light', viewport: { width: 820, height: 1180 } },
  'tablet-dark': { colorScheme: 'dark', viewport: { width: 820, height: 1180 } },
  'phone-light': { colorScheme: 'light', viewport: { width: 390, height: 844 } },
  'phone-dark': { colorScheme: 'dark', viewport: { width: 390, height: 844 } },
} as const;

/** Each colour and each width once; every pair of them where pictures are kept. */
export function views(): [string, (typeof VIEWS)[keyof typeof VIEWS]][] {
  const few: readonly string[] = ['desktop-light', 'tablet-dark', 'phone-light'];
  return Object.entries(VIEWS).filter(([name]) => PICTURES !== undefined || few.includes(name));
}

/** What axe finds, each with the first place. */
export async function axe(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate(async (values) => {
    interface Violation {
      id: string;
      nodes: { target: unknown[] }[];
    }
    const { axe: checker } = window as unknown as {
      axe: { run: (context: Document, options: object) => Promise<{ violations: Violation[] }> };
    };
    const { violations } = await checker.run(document, { runOnly: { type: 'tag', values } });
    return violations.map((it) => `${it.id} (${String(it.nodes.length)}): ${String(it.nodes[0]?.target[0])}`);
  }, TAGS);
}

/** By how many pixels the page is wider than the window: then it scrolls sideways (WCAG 2.2, 1.4.10). */
export async function sideways(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

export async function picture(page: Page, name: string): Promise<void> {
  if (PICTURES === undefined) return;
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
}

/** Everything wrong with a page as it is now; and its picture. */
export async function wrongWith(page: Page, name: string): Promise<string[]> {
  await picture(page, name);
  const wider = await sideways(page);
  return [...(await axe(page)), ...(wider > 0 ? [`${String(wider)} pixels wider than the window`] : [])];
}

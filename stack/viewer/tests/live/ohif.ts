/** What OHIF shows, read from its page. */
import type { Page } from 'playwright-core';

export const GRID = 16;

/** Means of a grid of blocks across the drawn image, row by row: red, green, blue. */
export interface Drawn {
  readonly blocks: readonly (readonly number[])[];
  /** The window that is applied, in the image's own units; null for colour. */
  readonly window: { readonly lower: number; readonly upper: number } | null;
}

/** The first image as it is drawn now; null while nothing is. */
export async function drawn(page: Page): Promise<Drawn | null> {
  return page.evaluate((steps) => {
    interface Point3 extends Array<number> {
      length: 3;
    }
    interface Viewport {
      canvas: HTMLCanvasElement;
      getImageData(): { dimensions: number[]; imageData: { indexToWorld(at: number[]): Point3 } } | undefined;
      worldToCanvas(at: Point3): [number, number];
      getProperties(): { voiRange?: { lower: number; upper: number } };
    }
    const { cornerstone } = window as unknown as {
      cornerstone?: { getRenderingEngines(): { getViewports(): Viewport[] }[] };
    };
    const viewport = cornerstone?.getRenderingEngines()[0]?.getViewports()[0];
    const image = viewport?.getImageData();
    if (viewport === undefined || image === undefined || viewport.canvas.clientWidth === 0) return null;
    const { canvas } = viewport;
    const copy = document.createElement('canvas');
    [copy.width, copy.height] = [canvas.width, canvas.height];
    const context = copy.getContext('2d', { willReadFrequently: true });
    if (context === null) return null;
    context.drawImage(canvas, 0, 0);
    const [columns = 0, rows = 0] = image.dimensions;
    const place = (x: number, y: number): [number, number] => {
      // A pixel's index is its centre: the image begins half a pixel before.
      const [left, top] = viewport.worldToCanvas(image.imageData.indexToWorld([x - 0.5, y - 0.5, 0]));
      const ratio = canvas.width / canvas.clientWidth;
      return [left * ratio, top * ratio];
    };
    const blocks: number[][] = [];
    let [darkest, brightest] = [255, 0];
    for (let row = 0; row < steps; row += 1) {
      for (let column = 0; column < steps; column += 1) {
        const edge = (part: number, whole: number): number => Math.floor((part * whole) / steps);
        const [left, top] = place(edge(column, columns), edge(row, rows));
        const [right, bottom] = place(edge(column + 1, columns), edge(row + 1, rows));
        const [x, y] = [Math.round(Math.min(left, right)), Math.round(Math.min(top, bottom))];
        if (!Number.isFinite(x + y + right + bottom)) return null; // an image without an extent
        const [width, height] = [Math.abs(right - left), Math.abs(bottom - top)].map((it) =>
          Math.max(1, Math.round(it)),
        );
        const { data } = context.getImageData(x, y, width ?? 1, height ?? 1);
        const sums = [0, 0, 0];
        for (let at = 0; at < data.length; at += 4) {
          for (const channel of [0, 1, 2]) {
            const value = data[at + channel] ?? 0;
            sums[channel] = (sums[channel] ?? 0) + value;
            [darkest, brightest] = [Math.min(darkest, value), Math.max(brightest, value)];
          }
        }
        blocks.push(sums.map((it) => it / (data.length / 4)));
      }
    }
    return brightest - darkest > 8 ? { blocks, window: viewport.getProperties().voiRange ?? null } : null;
  }, GRID);
}

/** Our notices on OHIF's page: why an image is not drawn, or not as it should be. OHIF's own give no reason. */
export async function notices(page: Page): Promise<string | null> {
  const texts = await page.locator('[data-sonner-toast]', { hasText: 'Not shown as it should be' }).allInnerTexts();
  return texts.length === 0 ? null : texts.join(' ').replaceAll(/\s+/g, ' ').trim();
}

/** What OHIF says where it does not draw: in the place of the image, in a dialog; the whole page without those. */
export async function says(page: Page): Promise<string | null> {
  const texts = await page.locator('[role=alert], [role=dialog], [data-cy="viewport-pane"]').allInnerTexts();
  const everything = texts.length > 0 ? texts.join(' ') : await page.locator('body').innerText();
  const text = everything.replaceAll(/\s+/g, ' ').trim();
  return text === '' ? null : text.slice(0, 200);
}

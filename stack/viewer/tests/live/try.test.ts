import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { loginIn, open, Site, startBrowser } from './site.ts';
it('tries', async () => {
  const site = await Site.start();
  const browser = await startBrowser();
  try {
    const files = execFileSync(
      '/work/main/.venv/bin/python',
      [
        '-c',
        `
from pydicom.data import get_testdata_file
for n in ["CT_small.dcm","MR_small.dcm","examples_ybr_color.dcm","JPEG2000.dcm"]:
    print(get_testdata_file(n))
`,
      ],
      { encoding: 'utf8' },
    )
      .trim()
      .split('\n');
    const { page, errors } = await open(browser, site);
    await loginIn(page, site, 'administrator');
    await page.screenshot({ path: '/tmp/w/shot-empty.png' });
    for (const f of files) {
      const r = await fetch(`http://127.0.0.1:${site.orthanc.httpPort}/instances`, {
        method: 'POST',
        body: readFileSync(f),
        headers: { authorization: 'Basic ' + Buffer.from('backend:' + site.orthanc.password).toString('base64') },
      });
      console.log(f, r.status);
    }
    await site.backend.poke();
    await page.getByRole('table').waitFor();
    await page.waitForTimeout(1500);
    await page.screenshot({ path: '/tmp/w/shot-patients.png' });
    const rows = page.locator('tbody tr');
    console.log('rows', await rows.count());
    for (let i = 0; i < (await rows.count()); i++) {
      await rows.nth(i).locator('td:nth-child(4) a').click();
      await page.getByRole('heading', { name: 'Series' }).waitFor();
      await page.waitForTimeout(800);
      await page.screenshot({ path: `/tmp/w/shot-study${i}.png` });
      await page.getByRole('link', { name: 'Open the images' }).click();
      await page.waitForTimeout(6000);
      await page.screenshot({ path: `/tmp/w/shot-ohif${i}.png` });
      console.log(page.url());
      await page.goto(site.url + '/patients');
      await page.getByRole('table').waitFor();
    }
    await page.goto(site.url + '/audit');
    await page.waitForTimeout(800);
    await page.screenshot({ path: '/tmp/w/shot-audit.png' });
    await page.goto(site.url + '/status');
    await page.waitForTimeout(800);
    await page.screenshot({ path: '/tmp/w/shot-status.png' });
    console.log(errors.join('\n'));
    console.log(site.output.slice(-2000));
  } finally {
    await browser.close();
    await site.stop();
  }
  expect(1).toBe(1);
}, 120_000);

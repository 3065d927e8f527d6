/** Builds the backend that the live tests run, where that was not done yet. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export default function setup(): void {
  const folder = fileURLToPath(new URL('../../backend/', import.meta.url));
  if (!existsSync(`${folder}dist/server.mjs`)) {
    execFileSync(process.execPath, ['build.mjs'], { cwd: folder, stdio: 'inherit' });
  }
}

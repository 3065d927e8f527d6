import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { defineConfig } from 'vitest/config';

const require = createRequire(import.meta.url);
const PREFIX = 'asset:';
const BYTES = 'bytes:';

export default defineConfig({
  plugins: [
    {
      // What build.mjs does for the bundle: a package's file as text.
      name: 'assets',
      enforce: 'pre',
      resolveId: (id) => (id.startsWith(PREFIX) ? `\0${id}` : null),
      load: async (id) =>
        id.startsWith(`\0${PREFIX}`)
          ? `export default ${JSON.stringify(await readFile(require.resolve(id.slice(PREFIX.length + 1)), 'utf8'))};`
          : null,
    },
    {
      // The same for a file that is no text.
      name: 'bytes',
      enforce: 'pre',
      resolveId: (id) => (id.startsWith(BYTES) ? `\0${id}` : null),
      load: async (id) => {
        if (!id.startsWith(`\0${BYTES}`)) return null;
        const bytes = await readFile(require.resolve(id.slice(BYTES.length + 1)));
        return `export default Uint8Array.from(Buffer.from(${JSON.stringify(bytes.toString('base64'))}, 'base64'));`;
      },
    },
  ],
  test: {
    include: ['tests/**/*.test.ts'],
    globalSetup: ['tests/build.ts'],
    // The live suites start servers; on two cores one after the other is faster.
    fileParallelism: false,
    // Much longer than any takes: a machine that does much else is no failure.
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});

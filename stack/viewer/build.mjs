// Builds everything the program serves into dist/: the server as one file, our application, and OHIF's build.
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { build as buildApp } from 'vite';
import { compress, isPlaced, placeOhif } from './ohif.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const BANNER = `
import { createRequire as __createRequire } from 'node:module';
import { fileURLToPath as __fileURLToPath } from 'node:url';
const require = __createRequire(import.meta.url);
const __filename = __fileURLToPath(import.meta.url);
const __dirname = __fileURLToPath(new URL('.', import.meta.url));
`;

await build({
  absWorkingDir: here('.'),
  entryPoints: { server: 'server/main.ts' },
  outdir: 'dist',
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'linked',
  logLevel: 'warning',
  external: ['pino-pretty'],
  banner: { js: BANNER },
});
await buildApp({ configFile: here('vite.config.ts'), logLevel: 'warn' });
compress(here('dist/app'));
if (!isPlaced(here('dist/ohif'))) placeOhif(here('dist/ohif'));

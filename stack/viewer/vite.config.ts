import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  root: new URL('app', import.meta.url).pathname,
  base: '/ours/',
  plugins: [react()],
  build: {
    outDir: new URL('dist/app', import.meta.url).pathname,
    emptyOutDir: true,
    assetsInlineLimit: 0,
    sourcemap: false,
    target: 'es2022',
  },
});

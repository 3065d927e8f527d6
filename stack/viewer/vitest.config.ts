import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    globalSetup: ['tests/backend.ts'],
    fileParallelism: false,
    // Much longer than any takes: a machine that does much else is no failure.
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});

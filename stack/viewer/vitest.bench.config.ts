/** What is measured, apart from the tests: run by `python -m bench`. */
import { defineConfig, mergeConfig } from 'vitest/config';
import base from './vitest.config.ts';

const { include: _, ...test } = base.test ?? {};

export default mergeConfig(
  { ...base, test },
  defineConfig({ test: { include: ['tests/bench/*.ts'], testTimeout: 7_200_000, hookTimeout: 1_200_000 } }),
);

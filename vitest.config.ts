import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/prepare.ts',
    // Processes are started and waited for: on a busy two-core machine that takes its time.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Of those that are said to be concurrent, on two cores.
    maxConcurrency: 3,
  },
});

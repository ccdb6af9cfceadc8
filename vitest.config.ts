import { defineConfig } from 'vitest/config';

const report = process.env.OBSMITH_TEST_REPORT;
const rooms = ['core', 'workflows', 'activities', 'workers', 'server', 'client', 'scripts', 'test'];

export default defineConfig({
  test: {
    include: rooms.map((room) => `${room}/**/*.test.ts`),
    globalSetup: ['test/setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 120_000,
    reporters: report ? ['default', 'json'] : ['default'],
    ...(report ? { outputFile: { json: report } } : {}),
  },
});

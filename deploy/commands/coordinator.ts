import { defineCommand } from '../command.ts';
import { serveOptions } from '../serve-options.ts';
import { train } from './train.ts';

/** `train` without workers of its own: one story, told once. */
export const coordinatorCommand = defineCommand({
  usage: 'coordinator',
  describe: 'Coordinate a run for workers that join from anywhere',
  positionals: {},
  options: serveOptions,
  examples: [
    ['$0 coordinator --host 0.0.0.0', 'Wait for workers on all addresses'],
    ['$0 coordinator --expect-workers 8', 'Cut each step for eight'],
  ],
  run: (flags) => train.run({ ...flags, workers: 0, engine: 'auto' }),
});

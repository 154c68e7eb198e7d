import type { CommandGroup } from '../command.ts';
import { compare } from './runs-compare.ts';
import { exportCommand } from './runs-export.ts';
import { ls } from './runs-ls.ts';
import { show } from './runs-show.ts';

export const runs: CommandGroup = {
  usage: 'runs',
  describe: 'List, show, compare and export past runs',
  commands: [ls, show, compare, exportCommand],
};

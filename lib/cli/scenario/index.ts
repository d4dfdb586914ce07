import type { CommandGroup } from '../command.js';
import { compare } from './compare.js';
import { record } from './record.js';
import { run } from './run.js';

export const scenario: CommandGroup = {
  name: 'scenario',
  help: 'Play scripts of clients (.scs, the language of scansion) on a server: run, record, compare',
  actions: [run, record, compare],
};

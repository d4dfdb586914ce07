import type { CommandGroup } from '../command.js';
import { scenarioCompare } from './compare.js';
import { scenarioRecord } from './record.js';
import { scenarioRun } from './run.js';

export const scenario: CommandGroup = {
  name: 'scenario',
  help: 'Play scripts of clients (.scs, the language of scansion) on a server: run, record, compare',
  actions: [scenarioRun, scenarioRecord, scenarioCompare],
};

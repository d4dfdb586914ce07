import type { CommandGroup } from '../command.js';
import { scenarioCompare } from './compare.js';
import { scenarioRecord } from './record.js';
import { scenarioRun } from './run.js';

export const scenario: CommandGroup = {
  name: 'scenario',
  help: 'Play, record and compare scripts of clients (.scs files, the language of scansion)',
  actions: [scenarioRun, scenarioRecord, scenarioCompare],
};

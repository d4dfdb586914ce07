import type { CommandGroup } from '../command.js';
import { add } from './add.js';
import { list } from './list.js';
import { passwd } from './passwd.js';
import { remove } from './remove.js';

export const users: CommandGroup = {
  name: 'users',
  help:
    'Manage the accounts of the embedded session manager or, with --credentials or --dialect jabberd2, the accounts in ' +
    'front of jabberd2: add, remove, list, passwd. This works while the server runs',
  actions: [add, remove, list, passwd],
};

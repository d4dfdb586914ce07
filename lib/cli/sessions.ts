import { ask, ControlError } from '../control/client.js';
import type { SessionRow } from '../control/sessions.js';
import { oneOf } from '../config/kinds.js';
import { loadOptions } from '../config/load.js';
import { command, EXIT, Failure } from './command.js';
import { table } from './table.js';

export const sessions = command({
  usage: 'sessions',
  help: 'List the clients of the sm-component that runs on a data directory',
  configured: 'sessions',
  own: {
    format: {
      kind: oneOf('table', 'json'),
      help: 'A table for people, or JSON for programs.',
      default: 'table',
    },
  },
  examples: [
    ['$0 sessions', 'of the sm-component that runs on ./data'],
    ['$0 sessions --data /var/lib/sm-component --format json', 'a JSON list, one session per line'],
  ],
  async run({ options, own: { format } }) {
    const { values } = loadOptions({ command: 'sessions', args: options, env: process.env });
    const rows = await rowsOf(values.data);
    console.log(format === 'json' ? asJson(rows) : asTable(rows));
    return EXIT.stopped;
  },
});

async function rowsOf(directory: string): Promise<SessionRow[]> {
  try {
    return (await ask(directory, { command: 'sessions' })) as SessionRow[];
  } catch (error) {
    throw error instanceof ControlError ? new Failure(error.message) : error;
  }
}

function asJson(rows: readonly SessionRow[]): string {
  return rows.length === 0 ? '[]' : `[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]`;
}

const HEADINGS = [
  'SOCKET ADDRESS',
  'IP',
  'USER',
  'STATE',
  'ROSTER',
  'PRIORITY',
  'SHOW',
  'SINCE',
  'IN',
  'OUT',
];

function asTable(rows: readonly SessionRow[]): string {
  if (rows.length === 0) return '(nobody is connected)';
  return table([HEADINGS, ...rows.map(cells)]);
}

function cells(row: SessionRow): (string | number | undefined)[] {
  const roster = row.interested ? 'yes' : row.interested === false ? 'no' : undefined;
  return [
    row.socket,
    row.ip,
    row.full_jid,
    row.state,
    roster,
    row.priority,
    row.show,
    `${row.since.slice(0, 19)}Z`,
    row.stanzas_in,
    row.stanzas_out,
  ];
}

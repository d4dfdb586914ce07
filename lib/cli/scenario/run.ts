import * as kinds from '../../config/kinds.js';
import { json } from '../../scenario/report/json.js';
import { junit } from '../../scenario/report/junit.js';
import { live } from '../../scenario/report/live.js';
import type { Report, WriteReport } from '../../scenario/report/report.js';
import { tap } from '../../scenario/report/tap.js';
import { runScripts as play } from '../../scenario/run.js';
import type { Candidate } from '../../scenario/select.js';
import { command, EXIT, UsageError } from '../command.js';
import { seconds } from './kinds.js';
import { FILES, interruption, PLAYING, playingOn, readAll } from './playing.js';

const FORMATS = ['tap', 'live', 'junit', 'json'] as const;

export const scenarioRun = command({
  usage: 'run [files..]',
  help: 'Play scripts on a server, and report which of them pass',
  words: FILES,
  own: {
    to: {
      kind: kinds.peer,
      help: 'The server; without it, each character connects to the connect_host in its script.',
    },
    ...PLAYING,
    exact: {
      kind: kinds.flag,
      help: 'Each received stanza must be the next expected one; without this, other stanzas are skipped',
      default: 'false',
    },
    timeout: { kind: seconds, help: 'How long to wait for an expected stanza.', default: '5' },
    format: {
      kind: kinds.oneOf(...FORMATS),
      help: 'Format of the report; default "live" at a terminal, else "tap".',
    },
  },
  examples: [
    ['$0 scenario run spec/ --to 127.0.0.1:5222', 'every .scs file in it; exit code 0 if all pass'],
    ['$0 scenario run login.scs --to old.foo.com:5222 --domain foo.com --account romeo:secret', ''],
  ],
  async run({ own }) {
    const candidates = readAll(own.files);
    if (!own.to) requireAddresses(candidates);
    const options = {
      ...playingOn(own, own, candidates),
      exact: own.exact,
      timeout: own.timeout,
      continueAfterFailure: false,
      signal: interruption(),
    };
    return (await play(candidates, options, reportIn(own.format))) ? EXIT.stopped : EXIT.failed;
  },
});

/** Without `--to` each character must name its server. @throws {UsageError} */
function requireAddresses(candidates: readonly Candidate[]): void {
  const characters = candidates.flatMap((one) => ('script' in one ? one.script.characters : []));
  const lost = characters.find(({ host, port }) => host === undefined && port === undefined);
  if (lost) throw new UsageError(`which server? --to HOST:PORT (${lost.name} has no connect_host either)`);
}

function reportIn(format: (typeof FORMATS)[number] | undefined): Report {
  const write: WriteReport = (output) => void process.stdout.write(output);
  const terminal = process.stdout.isTTY;
  switch (format ?? (terminal ? 'live' : 'tap')) {
    case 'tap':
      return tap(write);
    case 'junit':
      return junit(write);
    case 'json':
      return json(write);
    case 'live':
      return live(write, () => process.stdout.columns || 80, terminal && !process.env.NO_COLOR);
  }
}

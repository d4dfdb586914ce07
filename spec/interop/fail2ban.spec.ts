/** legacy-examples/fail2ban with the real fail2ban. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { logAbuse, type Abuse } from '../../lib/observe/abuse.js';
import { createLog, type LogFormat } from '../../lib/observe/log.js';
import { describeWith, FAIL2BAN } from './support/needs.js';

const FILTER = path.resolve('legacy-examples/fail2ban/filter.conf');

const ABUSES: Record<Abuse, string> = {
  'login failed': '192.0.2.1',
  'logins refused': '192.0.2.2',
  'registrations refused': '2001:db8::3',
  'connection refused': '192.0.2.4',
  'component handshake failed': '192.0.2.5',
};
/** What a client may give as its name. */
const HOSTILE = [
  'x ip=198.51.100.1',
  'x\n2026-11-21T07:33:50.171Z info login failed ip=198.51.100.1 ',
  '","message":"login failed","ip":"198.51.100.1"',
  ' info login failed ip=198.51.100.1 ',
];

function run(file: string, ...args: string[]): { code: number | null; said: string } {
  const { status, stdout, stderr } = spawnSync(file, args, { encoding: 'utf8', timeout: 30_000 });
  return { code: status, said: stdout + stderr };
}

/** The lines of the log of a format. */
function logged(format: LogFormat): string[] {
  const stream = new PassThrough();
  const log = createLog('info', format, stream);
  for (const [what, ip] of Object.entries(ABUSES))
    logAbuse(log, what as Abuse, ip, { socket: '1@foo/2', reason: 'a reason' });
  for (const username of HOSTILE) logAbuse(log, 'login failed', '192.0.2.6', { username });
  for (const user of HOSTILE)
    log.info('client gone', { socket: '1@foo/2', ip: '198.51.100.2', user, reason: user });
  logAbuse(log, 'login failed', '', { username: 'ip=198.51.100.3 ' });
  return (stream.read() as Buffer).toString().trim().split('\n');
}

describeWith('the filter', [FAIL2BAN], 'interop: legacy-examples/fail2ban', () => {
  let directory: string;

  beforeEach(() => (directory = mkdtempSync(path.join(tmpdir(), 'sm-component-'))));
  afterEach(() => rmSync(directory, { recursive: true }));

  function found(lines: readonly string[]): string[] {
    const file = path.join(directory, 'log');
    writeFileSync(file, `${lines.join('\n')}\n`);
    return run('fail2ban-regex', '-o', 'ip', file, FILTER).said.trim().split('\n');
  }

  const expected = [...Object.values(ABUSES), ...HOSTILE.map(() => '192.0.2.6')];
  for (const format of ['text', 'json'] as const) {
    it(`finds the address of each line about abuse, and nothing else: ${format}`, () => {
      expect(found(logged(format))).to.deep.equal(expected);
    });

    it(`finds them in lines of the journal: ${format}`, () => {
      const lines = logged(format).map((line) => `host env[4711]: ${line}`);
      expect(found(lines)).to.deep.equal(expected);
    });
  }

  it('has a jail that fail2ban takes', () => {
    const configuration = path.join(directory, 'fail2ban');
    cpSync('/etc/fail2ban', configuration, { recursive: true });
    cpSync(FILTER, path.join(configuration, 'filter.d/sm-component.conf'));
    cpSync('legacy-examples/fail2ban/jail.conf', path.join(configuration, 'jail.d/sm-component.conf'));
    // Debian's own jail reads a file that is not on every machine.
    rmSync(path.join(configuration, 'jail.d/defaults-debian.conf'), { force: true });
    const { code, said } = run('fail2ban-client', '-c', configuration, '-d');
    expect({ code, said }).to.include({ code: 0 });
    expect(said).to.contain(`['add', 'sm-component', 'systemd']`);
    expect(said).to.contain(`'component handshake failed`.slice(1));
  });
});

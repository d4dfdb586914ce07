/** Several nodes count failed logins together at a real Redis; while that is away each counts by itself. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect } from 'chai';
import { LoginLimits, type AdmittedLogin } from '../../lib/client/login-limits.js';
import { RedisCounts } from '../../lib/net/redis-counts.js';
import { freePort } from '../support/free-port.js';
import { RecordedLog } from '../support/log.js';
import { describeWith, REDIS } from './support/needs.js';

const IP = '192.0.2.1';
const ALICE = 'alice@localhost';

interface Node {
  readonly limits: LoginLimits;
  readonly counts: RedisCounts;
  readonly log: RecordedLog;
}

describeWith('shared limits', [REDIS], 'interop: limits that nodes share at a Redis', () => {
  let redis: ChildProcess | undefined;
  let port: number;
  let nodes: Node[];

  async function startRedis(): Promise<void> {
    const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    redis = spawn('redis-server', options, { stdio: 'ignore' });
    for (let tries = 0; tries < 100; tries++) {
      const socket = connect(port, '127.0.0.1');
      const isThere = await once(socket, 'connect').then(
        () => true,
        () => false,
      );
      socket.destroy();
      if (isThere) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error('redis-server does not listen');
  }

  async function stopRedis(): Promise<void> {
    if (!redis || redis.exitCode !== null) return;
    redis.kill('SIGCONT');
    redis.kill('SIGKILL');
    await once(redis, 'exit');
    redis = undefined;
  }

  function node(): Node {
    const log = new RecordedLog();
    const counts = new RedisCounts(`redis://127.0.0.1:${port}`, log);
    const options = {
      failedLoginsPerAccount: 2,
      failedLoginsPerAddress: 10,
      failedLoginSeconds: 60,
      registrationsPerHour: 2,
      exempt: [],
    };
    const made = { log, counts, limits: new LoginLimits(options, log, counts) };
    nodes.push(made);
    return made;
  }

  /** @returns whether it was admitted; what is counted of it has been counted then */
  async function fail({ limits }: Node): Promise<boolean> {
    const login: AdmittedLogin | undefined = await limits.admit(IP, ALICE);
    login?.settle('wrong');
    await new Promise((resolve) => setTimeout(resolve, 100));
    return login !== undefined;
  }

  beforeEach(async () => {
    port = await freePort();
    nodes = [];
  });
  afterEach(async () => {
    for (const { counts } of nodes) counts.close();
    await stopRedis();
  });

  it('are one count: an address that guesses at one node is refused at the others', async () => {
    await startRedis();
    const [one, other] = [node(), node()];
    for (const { log } of nodes) await log.line(/^limits are shared/);
    expect(await fail(one)).to.equal(true);
    expect(await fail(other)).to.equal(true);
    expect(await fail(one)).to.equal(false);
    expect(await fail(other)).to.equal(false);
    expect((await other.log.line(/^logins refused$/)).details).to.include({ ip: IP, failed: 2 });
    expect(one.log.lines).to.deep.equal([]);
    expect(await one.limits.admitRegistration(IP)).to.equal(true);
    expect(await other.limits.admitRegistration(IP)).to.equal(true);
    expect(await one.limits.admitRegistration(IP)).to.equal(false);
  });

  it('are those of the node while there is no Redis, from the start, and the log says so once', async () => {
    const one = node();
    const { level, details } = await one.log.line(/^the Redis of --shared-limits is away/);
    expect(level).to.equal('warn');
    expect(details['error']).to.contain('ECONNREFUSED');
    expect(await fail(one)).to.equal(true);
    expect(await fail(one)).to.equal(true);
    expect(await fail(one)).to.equal(false);
    await one.log.line(/^logins refused$/);
    expect(one.log.lines).to.deep.equal([]);
    await startRedis();
    await one.log.line(/^limits are shared/);
    expect(await fail(one), 'there it is not counted yet').to.equal(true);
  });

  it('are those of the node once it is gone', async () => {
    await startRedis();
    const one = node();
    await one.log.line(/^limits are shared/);
    await stopRedis();
    await one.log.line(/^the Redis of --shared-limits is away/);
    expect(await fail(one)).to.equal(true);
    expect(one.log.lines).to.deep.equal([]);
  });

  it('do not make a login wait for long where Redis hangs', async () => {
    await startRedis();
    const one = node();
    await one.log.line(/^limits are shared/);
    redis!.kill('SIGSTOP');
    const began = performance.now();
    expect(await fail(one)).to.equal(true);
    expect(performance.now() - began).to.be.below(2_000);
    expect((await one.log.line(/^the Redis of --shared-limits is away/)).details['error']).to.match(
      /timed out/,
    );
    const then = performance.now();
    expect(await fail(one)).to.equal(true);
    expect(performance.now() - then, 'it is not asked again at once').to.be.below(400);
  });
});

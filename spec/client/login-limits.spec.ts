import { expect } from 'chai';
import { LoginLimits, type AdmittedLogin, type LoginLimitsOptions } from '../../lib/client/login-limits.js';
import { Clock } from '../support/clock.js';
import { RecordedLog } from '../support/log.js';

const SECONDS = 900;
const IP = '192.0.2.1';
const OTHER = '192.0.2.2';
const ALICE = 'alice@localhost';

describe('limits of logins', () => {
  const clock = new Clock();
  let log: RecordedLog;
  let limits: LoginLimits;

  function begin(options: Partial<LoginLimitsOptions> = {}): void {
    log = new RecordedLog();
    limits = new LoginLimits(
      {
        failedLoginsPerAccount: 6,
        failedLoginsPerAddress: 20,
        failedLoginSeconds: SECONDS,
        registrationsPerHour: 3,
        exempt: [{ address: '127.0.0.1', prefix: 32 }],
        ...options,
      },
      log,
    );
  }

  beforeEach(() => {
    clock.install();
    begin();
  });
  afterEach(() => clock.uninstall());

  /** Promises that do not wait for time settle. */
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

  /** @returns whether it was admitted, after so many milliseconds */
  async function admission(
    ip: string,
    account: string,
    most = 60_000,
  ): Promise<[AdmittedLogin | undefined, number]> {
    let outcome: { login: AdmittedLogin | undefined } | undefined;
    void Promise.resolve(limits.admit(ip, account)).then((login) => (outcome = { login }));
    for (let waited = 0; waited <= most; waited += 500) {
      await settled();
      if (outcome) return [outcome.login, waited];
      clock.advance(500);
    }
    throw new Error(`not admitted in ${most} ms`);
  }

  /** @returns how long each had to wait, in milliseconds; undefined where it was refused */
  async function fail(ip: string, account: string, times: number): Promise<(number | undefined)[]> {
    const delays: (number | undefined)[] = [];
    for (let time = 0; time < times; time++) {
      const [login, waited] = await admission(ip, account);
      delays.push(login && waited);
      login?.settle('wrong');
      await settled();
    }
    return delays;
  }

  it('cost a person who mistypes no time', async () => {
    expect(await fail(IP, ALICE, 3)).to.deep.equal([0, 0, 0]);
  });

  it('make who guesses at an account wait longer and longer, and refuse it then', async () => {
    begin({ failedLoginsPerAccount: 8 });
    expect(await fail(IP, ALICE, 10)).to.deep.equal([
      0,
      0,
      0,
      1000,
      2000,
      4000,
      8000,
      8000,
      undefined,
      undefined,
    ]);
  });

  it('count an account in any spelling', async () => {
    await fail(IP, 'Alice@localhost', 3);
    await fail(IP, 'ALICE@LOCALHOST', 3);
    expect(await fail(IP, ALICE, 1)).to.deep.equal([undefined]);
  });

  it('refuse for a while, and say so once', async () => {
    await fail(IP, ALICE, 9);
    expect(log.lines).to.deep.equal([
      {
        level: 'warn',
        message: 'logins refused',
        details: { ip: IP, account: ALICE, failed: 6, seconds: SECONDS },
      },
    ]);
    clock.advance((SECONDS - 1) * 1000);
    expect(await fail(IP, ALICE, 1)).to.deep.equal([undefined]);
    clock.advance(1_000);
    expect(await fail(IP, ALICE, 1)).to.deep.equal([0]);
  });

  it('let the owner in from another address, and others in from the same one', async () => {
    await fail(IP, ALICE, 9);
    expect(await fail(OTHER, ALICE, 1)).to.deep.equal([0]);
    expect(await fail(IP, 'bob@localhost', 1)).to.deep.equal([0]);
  });

  it('refuse an address that guesses at many accounts, and say so once', async () => {
    for (let n = 0; n < 20; n++) expect(await fail(IP, `user${n}@localhost`, 1)).to.deep.equal([0]);
    expect(await fail(IP, ALICE, 2)).to.deep.equal([undefined, undefined]);
    expect(await fail(OTHER, ALICE, 1)).to.deep.equal([0]);
    expect(log.lines).to.have.length(1);
    expect(log.lines[0].details).to.deep.equal({ ip: IP, failed: 20, seconds: SECONDS });
  });

  it('count the addresses of one IPv6 network as one', async () => {
    for (let n = 0; n < 6; n++) await fail(`2001:db8::${n}`, ALICE, 1);
    expect(await fail('2001:db8::abc', ALICE, 1)).to.deep.equal([undefined]);
    expect(await fail('2001:db8:0:1::1', ALICE, 1)).to.deep.equal([0]);
  });

  it('only slow an account that is guessed at from many addresses: nobody can lock out its owner', async () => {
    for (let n = 0; n < 40; n++) await fail(`198.51.100.${n}`, ALICE, 1);
    expect(await fail(OTHER, ALICE, 1)).to.deep.equal([8000]);
    expect(await fail(OTHER, 'bob@localhost', 1)).to.deep.equal([0]);
  });

  it('forget what failed once the right password comes, but not that the address guesses at others', async () => {
    await fail(IP, ALICE, 5);
    const [login] = await admission(IP, ALICE);
    login!.settle('right');
    await settled();
    expect(await fail(IP, ALICE, 3)).to.deep.equal([0, 0, 0]);
    for (let n = 0; n < 12; n++) await fail(IP, `user${n}@localhost`, 1);
    expect(await fail(IP, 'bob@localhost', 1)).to.deep.equal([undefined]);
  });

  it('do not count where nobody has looked at the password', async () => {
    for (let n = 0; n < 30; n++) {
      const [login, waited] = await admission(IP, ALICE);
      expect(waited).to.equal(0);
      login!.settle('unchecked');
    }
  });

  it('bound how many are guessed at the same time', async () => {
    const outcomes: (AdmittedLogin | undefined)[] = [];
    for (let n = 0; n < 500; n++)
      void Promise.resolve(limits.admit(IP, `user${n}@localhost`)).then((login) => outcomes.push(login));
    await settled();
    expect(outcomes).to.have.length(8);
    for (let n = 0; n < outcomes.length; n++) {
      outcomes[n]?.settle('wrong');
      await settled();
    }
    expect(outcomes).to.have.length(500);
    expect(outcomes.filter((login) => login !== undefined).length).to.be.within(20, 28);
  });

  it('let everybody of an office in at once', async () => {
    let right = 0;
    await Promise.all(
      Array.from({ length: 500 }, async (_, n) => {
        const login = await limits.admit(IP, `user${n}@localhost`);
        right += 1;
        login!.settle('right');
      }),
    );
    expect(right).to.equal(500);
  });

  it('are settled once', async () => {
    const [login] = await admission(IP, ALICE);
    for (let n = 0; n < 9; n++) login!.settle('wrong');
    await settled();
    expect(await fail(IP, ALICE, 2)).to.deep.equal([0, 0]);
  });

  it('never refuse an address that is exempt, but slow guesses at one account', async () => {
    const delays = await fail('127.0.0.1', ALICE, 35);
    expect(delays.slice(0, 30)).to.deep.equal(Array(30).fill(0));
    expect(delays.slice(30)).to.deep.equal([1000, 2000, 4000, 8000, 8000]);
  });

  it('can be turned off', async () => {
    begin({ failedLoginsPerAccount: 0, failedLoginsPerAddress: 0, registrationsPerHour: 0 });
    const delays = await fail(IP, ALICE, 60);
    expect(delays).to.deep.equal(Array(60).fill(0));
    for (let n = 0; n < 20; n++) expect(await limits.admitRegistration(IP)).to.be.true;
  });

  it('of registrations: so many an address and hour, said once', async () => {
    const made: boolean[] = [];
    for (let n = 0; n < 5; n++) made.push(await limits.admitRegistration(IP));
    expect(made).to.deep.equal([true, true, true, false, false]);
    expect(await limits.admitRegistration(OTHER)).to.be.true;
    expect(log.lines).to.deep.equal([
      {
        level: 'warn',
        message: 'registrations refused',
        details: { ip: IP, registrations: 3, seconds: 3600 },
      },
    ]);
    clock.advance(3_600_000);
    expect(await limits.admitRegistration(IP)).to.be.true;
  });
});

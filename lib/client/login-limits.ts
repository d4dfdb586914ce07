import type { AddressLimits } from '../config/config.js';
import { countedAddress, Networks } from '../net/ip.js';
import { RateCounter, type SharedCounts } from '../net/rate-counter.js';
import { logAbuse } from '../observe/abuse.js';
import type { Details, Log } from '../observe/log.js';

/** Failed logins to an account from one address that cost no time: people mistype. */
const FREE_FAILURES = 3;
/** Each one more doubles the delay, from the first to the last of these. Milliseconds. */
const MIN_DELAY_MS = 1_000;
const MAX_DELAY_MS = 8_000;
/** From so many times as many failed logins on as one address may have, an account is guessed at from many addresses. */
const MANY_ADDRESSES = 5;

/** Logins of one address that are checked at a time: so many may be wrong at once, before any of them has been counted. */
const MAX_PARALLEL_LOGINS = 8;

const HOUR_SECONDS = 3_600;

/** Of what a client gives as its account, the characters that are logged. */
const MAX_LOGGED_ACCOUNT_LENGTH = 100;

/** See the options of these names. */
export type LoginLimitsOptions = Pick<
  AddressLimits,
  | 'failedLoginsPerAccount'
  | 'failedLoginsPerAddress'
  | 'failedLoginSeconds'
  | 'registrationsPerHour'
  | 'exempt'
>;

/** What came of a login: `unchecked` where nobody has looked at the password. */
export type LoginVerdict = 'right' | 'wrong' | 'unchecked';

/** A login that may be checked now. The verdict must be told, once: others may wait for it. */
export interface AdmittedLogin {
  settle(verdict: LoginVerdict): void;
}

/**
 * Failed logins and registrations of all connections together. Who guesses at an account from one address has to wait longer
 * and longer, and is refused for a while then; so is an address that guesses at many. An account that is guessed at from
 * many addresses is refused to none of them, only slow: else anybody could lock out its owner.
 */
export class LoginLimits {
  private readonly failed: RateCounter;
  private readonly byAccount: RateCounter;
  private readonly byAddress: RateCounter;
  private readonly registrations: RateCounter;
  private readonly exempt: Networks;
  private readonly lines = new Map<string, WaitingLine>();

  /** @param shared where counts are kept that nodes share; absent: in memory */
  constructor(
    private readonly options: LoginLimitsOptions,
    private readonly log: Log,
    shared?: SharedCounts,
  ) {
    const seconds = options.failedLoginSeconds;
    this.exempt = new Networks(options.exempt);
    this.failed = new RateCounter({ name: 'failed', seconds }, shared);
    this.byAccount = new RateCounter({ name: 'failed-account', seconds }, shared);
    this.byAddress = new RateCounter({ name: 'failed-address', seconds }, shared);
    this.registrations = new RateCounter({ name: 'registrations', seconds: HOUR_SECONDS }, shared);
  }

  /**
   * Asks whether a login may be checked, and waits as long as that takes: most do not wait.
   *
   * @param ip canonical; empty where there is none
   * @param account bare address
   * @returns undefined where it is refused
   */
  admit(ip: string, account: string): AdmittedLogin | Promise<AdmittedLogin | undefined> {
    const address = this.isCounted(ip) ? countedAddress(ip) : '';
    const origin: Origin = { ip, account: account.toLowerCase(), address };
    const isQuiet = this.byAccount.isQuiet && this.failed.isQuiet && this.byAddress.isQuiet;
    return (isQuiet && this.admitNow(origin)) || this.admitLater(origin);
  }

  private admitNow(origin: Origin): AdmittedLogin | undefined {
    const leave = origin.address === '' ? nothing : this.enter(origin.address);
    return leave && this.admitted(origin, leave);
  }

  private async admitLater(origin: Origin): Promise<AdmittedLogin | undefined> {
    const { address } = origin;
    const isCounted = address !== '';
    if (isCounted && (await this.isRefused(origin))) return undefined;
    await this.delay(origin);
    if (!isCounted) return this.admitted(origin, nothing);
    const leave = this.enter(address) ?? (await this.waitInLine(address));
    // Those before it may have failed meanwhile.
    if (!(await this.isRefused(origin))) return this.admitted(origin, leave);
    leave();
    return undefined;
  }

  private admitted(origin: Origin, leave: () => void): AdmittedLogin {
    return new Admitted((verdict) => this.judged(origin, verdict).finally(leave));
  }

  /** Counts a registration. @returns false where it is one too many */
  async admitRegistration(ip: string): Promise<boolean> {
    const { registrationsPerHour: most } = this.options;
    if (most === 0 || !this.isCounted(ip)) return true;
    const count = await this.registrations.add(countedAddress(ip));
    if (count === most + 1)
      logAbuse(this.log, 'registrations refused', ip, { registrations: most, seconds: HOUR_SECONDS });
    return count <= most;
  }

  private isCounted(ip: string): boolean {
    return ip !== '' && !this.exempt.has(ip);
  }

  private async isRefused(origin: Origin): Promise<boolean> {
    const { failedLoginsPerAccount, failedLoginsPerAddress } = this.options;
    const [pair, address] = await Promise.all([
      this.failed.count(pairOf(origin)),
      this.byAddress.count(origin.address),
    ]);
    return isOver(pair, failedLoginsPerAccount) || isOver(address, failedLoginsPerAddress);
  }

  private async delay(origin: Origin): Promise<void> {
    const { failedLoginsPerAccount } = this.options;
    const [pair, account] = await Promise.all([
      origin.address === '' || failedLoginsPerAccount === 0 ? 0 : this.failed.count(pairOf(origin)),
      this.byAccount.count(origin.account),
    ]);
    const many = failedLoginsPerAccount === 0 ? Infinity : failedLoginsPerAccount * MANY_ADDRESSES;
    const milliseconds = Math.max(delayFor(pair - FREE_FAILURES), delayFor(account - many));
    if (milliseconds > 0) await new Promise((resolve) => setTimeout(resolve, milliseconds).unref());
  }

  private async judged(origin: Origin, verdict: LoginVerdict): Promise<void> {
    if (verdict === 'unchecked') return;
    const isCounted = origin.address !== '';
    if (verdict === 'right') {
      if (isCounted && !this.failed.isQuiet) await this.failed.forget(pairOf(origin));
      return;
    }
    await this.byAccount.add(origin.account);
    if (!isCounted) return;
    const { failedLoginsPerAccount, failedLoginsPerAddress } = this.options;
    await this.countFailure(this.failed, pairOf(origin), failedLoginsPerAccount, origin, {
      account: origin.account.slice(0, MAX_LOGGED_ACCOUNT_LENGTH),
    });
    await this.countFailure(this.byAddress, origin.address, failedLoginsPerAddress, origin);
  }

  private async countFailure(
    counter: RateCounter,
    key: string,
    most: number,
    { ip }: Origin,
    more?: Details,
  ): Promise<void> {
    const failed = await counter.add(key);
    if (failed !== most) return;
    await counter.restart(key, most);
    logAbuse(this.log, 'logins refused', ip, { ...more, failed, seconds: this.options.failedLoginSeconds });
  }

  /** @returns what to call when the login has been judged; undefined where it must wait for others */
  private enter(address: string): (() => void) | undefined {
    const line = this.lines.get(address) ?? { checking: 0, waiting: [] };
    if (line.checking >= MAX_PARALLEL_LOGINS) return undefined;
    this.lines.set(address, line);
    line.checking += 1;
    return () => this.leave(address, line);
  }

  private async waitInLine(address: string): Promise<() => void> {
    const line = this.lines.get(address)!;
    await new Promise<void>((resolve) => line.waiting.push(resolve));
    return () => this.leave(address, line);
  }

  private leave(address: string, line: WaitingLine): void {
    const next = line.waiting.shift();
    if (next) return next();
    line.checking -= 1;
    if (line.checking === 0) this.lines.delete(address);
  }
}

const nothing = (): void => undefined;

/** Logins of one address: those that are checked now, and those that wait for one of these to be judged. */
interface WaitingLine {
  checking: number;
  readonly waiting: (() => void)[];
}

/** Where a login comes from. */
interface Origin {
  readonly ip: string;
  /** What the address is counted as; empty where it is not. */
  readonly address: string;
  readonly account: string;
}

class Admitted implements AdmittedLogin {
  private isSettled = false;

  constructor(private readonly judged: (verdict: LoginVerdict) => Promise<void>) {}

  settle(verdict: LoginVerdict): void {
    if (this.isSettled) return;
    this.isSettled = true;
    void this.judged(verdict);
  }
}

function pairOf({ address, account }: Origin): string {
  return `${address} ${account}`;
}

function isOver(count: number, most: number): boolean {
  return most > 0 && count >= most;
}

/** @param failures those over what is free; milliseconds */
function delayFor(failures: number): number {
  return failures < 0 ? 0 : Math.min(MIN_DELAY_MS * 2 ** failures, MAX_DELAY_MS);
}

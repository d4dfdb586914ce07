import { expect } from 'chai';
import { driverOf, type RealClient } from './clients.js';
import type { Deployment } from './deployment.js';
import type { Entry } from './front.js';
import { Running, within } from './running.js';
import { loginSteps, offersZeroKnowledge, streamErrorOf, Tap } from './tap.js';

export const PARTNER = 'echo';
const RESOURCE = 'interop';

export interface Manners {
  /** By default the right one. */
  readonly password?: string;
  /** A file with the certificate of sm-component: the client is to encrypt, and to trust it. */
  readonly certificate?: string;
}

/** A real client at work: its driver runs, and all it says to sm-component and hears from it goes through a tap. */
export class Guest {
  static async start(
    deployment: Deployment,
    client: RealClient,
    { password, certificate }: Manners = {},
  ): Promise<Guest> {
    const tap = await Tap.open(deployment.port);
    const account = deployment.account(client.name);
    const driver = new Running(client.name, {
      ...driverOf(client),
      env: {
        PORT: String(tap.port),
        DOMAIN: account.domain,
        USERNAME: account.username,
        PASSWORD: password ?? account.password,
        RESOURCE,
        PARTNER: `${PARTNER}@${account.domain}`,
        WORK: deployment.directoryFor(client.name),
        ...(certificate !== undefined && { TLS: certificate }),
      },
    });
    return new Guest(deployment, client, tap, driver);
  }

  readonly bare: string;
  private readonly since: number;

  private constructor(
    private readonly deployment: Deployment,
    readonly client: RealClient,
    readonly tap: Tap,
    readonly driver: Running,
  ) {
    this.bare = `${client.name}@${deployment.back.domain}`;
    this.since = deployment.front.lines.length;
  }

  get address(): string {
    return `${this.bare}/${RESOURCE}`;
  }

  /** It has logged in, by its own account. */
  async online(): Promise<void> {
    await this.driver.find('online', (line) => (line === 'online' ? true : gone(line, this.driver)));
  }

  say(text: string): void {
    this.driver.write(`say ${text}`);
  }

  /** It shows this text to its user. */
  async shows(text: string): Promise<void> {
    const look = (line: string) => (/^received \S+ ([^]*)/.exec(line)?.[1] === text ? true : undefined);
    await this.driver.find(`received "${text}"`, look);
  }

  /** It logs out and ends. */
  async quits(): Promise<void> {
    this.driver.write('quit');
    expect(await this.driver.ended(), `exit code of ${this.client.name}${this.driver.tail()}`).to.equal(0);
  }

  /** The network between it and sm-component breaks. */
  vanishes(): void {
    this.tap.cut();
  }

  /** It notices that it was sent away, or not let in, and ends: most say why, and some fail an assertion of their own. */
  async isSentAway(): Promise<void> {
    expect(await this.driver.ended(), `exit code of ${this.client.name}${this.driver.tail()}`).not.to.equal(
      0,
    );
  }

  /** Its first stream is ended with this error, and its connection closed. What it makes of that is its own affair. */
  async isTold(condition: string): Promise<void> {
    const over = this.tap.first().then((call) => call.over);
    await within(over, () => `the end of ${this.client.name}'s connection${this.driver.tail()}`);
    expect(this.streamError, `stream error for ${this.client.name}`).to.equal(condition);
  }

  /** At its first connection it has logged in, or tried to, the way it is known to. */
  expectLogin(): void {
    const call = this.tap.calls[0];
    const { login, zeroKnowledge } = this.client;
    const expected = zeroKnowledge && offersZeroKnowledge(call) ? ['get', 'hash'] : login;
    expect(loginSteps(call), `login of ${this.client.name}`).to.deep.equal(expected);
  }

  /** The stream error that ended its first connection. */
  get streamError(): string | undefined {
    return this.tap.calls[0] && streamErrorOf(this.tap.calls[0]);
  }

  /** Our log's line of its login. */
  loggedIn(): Promise<Entry> {
    const is = ({ message, user }: Entry): boolean =>
      message === 'logged in' && String(user).split('/')[0].toLowerCase() === this.bare;
    return this.deployment.logged(`${this.bare} logged in`, is, this.since);
  }

  /** Our log's line of its end. */
  async left(): Promise<Entry> {
    const { socket } = await this.loggedIn();
    const is = (line: Entry): boolean => line.message === 'client gone' && line.socket === socket;
    return this.deployment.logged(`${this.bare} is gone`, is, this.since);
  }

  async discard(): Promise<void> {
    await this.driver.stop();
    this.tap.close();
  }
}

function gone(line: string, driver: Running): undefined {
  if (line.startsWith('gone')) throw new Error(`it did not get in${driver.tail()}`);
  return undefined;
}

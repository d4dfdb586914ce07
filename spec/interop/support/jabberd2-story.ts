import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { element } from '../../../lib/xml/index.js';
import { Front } from './front.js';
import { Jabberd2, ROUTER_SECRET, ROUTER_USER, type Layout } from './jabberd2.js';
import { Line } from './line.js';
import { served, User } from './user.js';

/** The name of sm-component at the router, unless it is another one. */
export const NAME = 'our-c2s';

/** How sm-component stands before it. */
export interface Stance {
  /** Names that clients may use; by default all that the router knows. */
  readonly domains?: readonly string[];
  /** As `--credentials` has them; by default the accounts that stock c2s has, or would have. */
  readonly credentials?: string;
  readonly secret?: string;
  readonly user?: string;
  readonly name?: string;
  readonly more?: readonly string[];
}

/** Who, where, and by what. */
export interface Place {
  readonly domain?: string;
  readonly resource?: string;
  /** By default that of sm-component. */
  readonly port?: number;
}

/** A real jabberd2, sm-component at its router, and users of both. */
export class Jabberd2Story {
  front!: Front;
  /** Between sm-component and the router. */
  line!: Line;
  private readonly users: User[] = [];
  private readonly accounts = new Set<string>();

  static async begin(layout: Layout = {}, stance: Stance = {}): Promise<Jabberd2Story> {
    const story = new Jabberd2Story(await Jabberd2.start(layout));
    try {
      await story.open(stance);
    } catch (error) {
      await story.end();
      throw error;
    }
    return story;
  }

  private constructor(readonly jabberd: Jabberd2) {}

  async end(): Promise<void> {
    for (const user of this.users) user.socket.destroy();
    try {
      await this.front?.stop();
    } finally {
      this.line?.close();
      await this.jabberd.stop();
    }
  }

  /** Begins before the specs of a suite, and ends after them. */
  static around(layout?: Layout, stance?: Stance): { readonly story: Jabberd2Story } {
    const held = {} as { story: Jabberd2Story };
    before(async () => void (held.story = await Jabberd2Story.begin(layout, stance)));
    after(() => held.story?.end());
    return held;
  }

  /** Somebody with an open stream, who has not logged in. */
  async user(username: string, { domain = 'localhost', resource = 'desk', port }: Place = {}): Promise<User> {
    const identity = { username, password: passwordOf(username), domain, resource };
    const user = await User.connect(port ?? this.front.port, identity);
    this.users.push(user);
    await user.open();
    return user;
  }

  /** Somebody with an account. */
  async account(username: string, place?: Place): Promise<void> {
    const user = await this.user(username, place);
    if (this.accounts.has(user.bare)) return user.leave();
    this.accounts.add(user.bare);
    const answer = await user.register();
    expect(answer.attribute('type'), answer.toString()).to.equal('result');
    await user.leave();
  }

  /** Somebody who has logged in, and is available; the account is made if need be. */
  async member(username: string, place?: Place): Promise<User> {
    await this.account(username, place);
    return this.login(username, place);
  }

  /** Somebody who has an account logs in, and is available. */
  async login(username: string, place?: Place): Promise<User> {
    const user = await this.user(username, place);
    const answer = await user.login();
    expect(answer.attribute('type'), answer.toString()).to.equal('result');
    user.send('<presence/>');
    await user.roundTrip();
    return user;
  }

  /** Two see each other's presence from now on. */
  async befriend(one: User, other: User): Promise<void> {
    for (const [asking, asked] of [
      [one, other],
      [other, one],
    ]) {
      asking.send(element('presence', { to: asked.bare, type: 'subscribe' }).toString());
      await asked.sees(asking.bare, 'subscribe');
      asked.send(element('presence', { to: asking.bare, type: 'subscribed' }).toString());
      await asking.sees(asked.bare, 'subscribed');
      await asking.sees(asked.full);
    }
  }

  /** Another sm-component at the same router; it is not started yet. */
  another(stance: Stance): Front {
    return new Front(this.options(stance));
  }

  /** The directory of sm-component. */
  get data(): string {
    return path.join(this.jabberd.directory, 'data');
  }

  credentialsOf({ credentials = `sqlite:${this.jabberd.database}` }: Stance): string {
    return credentials;
  }

  private async open(stance: Stance): Promise<void> {
    this.line = await Line.open(this.jabberd.routerPort);
    this.front = this.another(stance);
    await this.front.start();
    for (const domain of stance.domains ?? this.jabberd.domains) await served(this.front.port, domain);
  }

  private options(stance: Stance): string[] {
    const credentials = this.credentialsOf(stance);
    const { domains = [], secret = ROUTER_SECRET, name = NAME, more = [] } = stance;
    const secretFile = path.join(this.jabberd.directory, `secret of ${name}`);
    writeFileSync(secretFile, `${secret}\n`);
    return [
      ...['--dialect', 'jabberd2', '--sm', `127.0.0.1:${this.line.port}`, '--name', name],
      ...['--router-user', stance.user ?? ROUTER_USER, '--secret-file', secretFile, '--registration', 'on'],
      ...['--credentials', credentials],
      ...['--data', this.data],
      ...domains.flatMap((domain) => ['--domain', domain]),
      ...more,
    ];
  }
}

export function passwordOf(username: string): string {
  return `${username}'s <secret> & "more"`;
}

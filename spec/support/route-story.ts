import { once } from 'node:events';
import { authSet, type Client } from './client.js';
import type { Overrides } from './config.js';
import { ScriptedSessionManager } from './scripted-session-manager.js';
import { Story, teller } from './story.js';

/** Something that a session manager of jabberd 1.4 sends to a socket address, or gets from one. */
export function route(to: string, from: string, content = '', more = ''): string {
  return `<route to='${to}' from='${from}'${more}>${content}</route>`;
}

/** The end of a session, from either side; `why` is what jabberd puts into `error`. */
export function routeError(to: string, from: string, why?: string, content = ''): string {
  return route(to, from, content, ` type='error'${why === undefined ? '' : ` error='${why}'`}`);
}

export function authRoute(to: string, from: string, content: string): string {
  return route(to, from, content, ` type='auth'`);
}

export function sessionRoute(to: string, from: string): string {
  return route(to, from, '', ` type='session'`);
}

export const RESULT = `<iq type='result' id='auth1'/>`;
export const REFUSED = `<iq type='error' id='auth1'><error code='401'>Unauthorized</error></iq>`;

/** The cast of a dialogue in front of jabberd 1.4: every packet of a session travels in a `<route/>`. */
export class RouteStory extends Story {
  /** As in jabberd, a session address ends with where the session is in memory. */
  private memory = 0xe4fba540;

  static override async begin(overrides: Overrides = {}): Promise<RouteStory> {
    const story = new RouteStory(await ScriptedSessionManager.listen(0, '1.4'));
    await story.start({ dialect: 'route', ...overrides });
    return story;
  }

  /** Answers what is still under way: the end would wait for that. */
  override async end(): Promise<void> {
    for (const { address } of this.clients) {
      if (address !== '') this.link.send(authRoute(address, 'over', REFUSED));
    }
    await super.end();
  }

  /** A session address as the session manager gives it: the user as typed, and never the same. */
  newSession(username: string): string {
    this.memory += 0x10;
    return `${username}@localhost/${this.memory.toString(16).toUpperCase()}`;
  }

  override async asking(username: string, resource = 'Balcony', more?: string): Promise<Client> {
    const client = await this.client(username, more);
    client.send(authSet(username, resource));
    client.address = (await this.link.packet()).attribute('from')!;
    client.login = `${username}@localhost/${resource}`;
    client.session = this.newSession(username);
    return client;
  }

  /** A client whose login was accepted, and whose session is asked for. */
  async starting(username: string, resource = 'Balcony', more?: string): Promise<Client> {
    const client = await this.asking(username, resource, more);
    this.link.send(this.result(client));
    await this.link.expect(sessionRoute(client.login, client.address));
    return client;
  }

  /** The session manager opens the session of a client that is asking. */
  override async accept(client: Client): Promise<void> {
    this.link.send(this.result(client));
    await this.link.expect(sessionRoute(client.login, client.address));
    await this.openSession(client);
  }

  /** The session manager opens the session of a client that is starting. */
  async openSession(client: Client): Promise<void> {
    this.link.send(this.opened(client));
    await client.expect(RESULT);
  }

  /** A client that has logged in, on a stream without a version where `more` says so. */
  override async user(username: string, resource = 'Balcony', more?: string): Promise<Client> {
    const client = await this.asking(username, resource, more);
    await this.accept(client);
    return client;
  }

  override result(client: Client): string {
    return authRoute(client.address, client.login, RESULT);
  }

  override refusal(client: Client): string {
    return authRoute(client.address, client.login, REFUSED);
  }

  /** What the session manager says when it has opened a session. */
  opened(client: Client): string {
    return sessionRoute(client.address, client.session);
  }

  /** A packet of the session. */
  to(client: Client, content: string): string {
    return route(client.address, client.session, content);
  }

  /** What a stanza of the client must become. */
  from(client: Client, content: string): string {
    return route(client.session, client.address, content);
  }

  /** The session manager ends the session. */
  ending(client: Client, why: string | undefined = 'Disconnected', content = ''): string {
    return routeError(client.address, client.session, why, content);
  }

  /** What must be said of a client that has left. */
  left(client: Client): string {
    return routeError(client.session, client.address);
  }

  override async expectQuiet(user: Client): Promise<void> {
    this.pings += 1;
    const ping = `<iq type='get' id='ping-${this.pings}'/>`;
    const pong = `<iq type='result' id='ping-${this.pings}'/>`;
    user.send(ping);
    await this.link.expect(this.from(user, ping));
    this.link.send(this.to(user, pong));
    await user.expect(pong);
  }

  /** The link is lost and comes back; `behindHandshake` comes in the read of the handshake. */
  async relink(behindHandshake = ''): Promise<void> {
    this.clock.install();
    await this.loseLink();
    this.sm.behindHandshake = behindHandshake;
    const up = once(this.server, 'up');
    this.clock.advance(700);
    this.link = await this.sm.link();
    await up;
  }
}

/** A dialogue in front of jabberd 1.4. */
export const toldRoute = teller((overrides) => RouteStory.begin(overrides));

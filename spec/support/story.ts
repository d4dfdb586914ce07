import { expect } from 'chai';
import type { AsyncFunc } from 'mocha';
import { SocketManager } from '../../lib/server.js';
import { authSet, Client } from './client.js';
import { Clock } from './clock.js';
import { config, type Overrides } from './config.js';
import { RecordedLog } from './log.js';
import { soon } from './queue.js';
import { ScriptedSessionManager, type ScriptedLink } from './scripted-session-manager.js';

/** `<message type='error' …>`: the end of a session, from either side. [README.SM 510] */
export function ended(sfrom: string, sto: string): string {
  return `<message type='error' sto='${sto}' sfrom='${sfrom}'><error code='510'>Disconnected</error></message>`;
}

/** The cast of a dialogue: a scripted session manager, our socket manager, and clients as they are needed. */
export class Story {
  readonly log = new RecordedLog();
  readonly clock = new Clock();
  server!: SocketManager;
  link!: ScriptedLink;
  protected readonly clients: Client[] = [];
  protected pings = 0;

  protected constructor(readonly sm: ScriptedSessionManager) {}

  static async begin(overrides: Overrides = {}): Promise<Story> {
    const story = new Story(await ScriptedSessionManager.listen());
    await story.start(overrides);
    return story;
  }

  protected async start(overrides: Overrides): Promise<void> {
    this.server = new SocketManager(config(this.sm.port, overrides), this.log);
    const started = this.server.start();
    this.link = await this.sm.link();
    await started;
  }

  async end(): Promise<void> {
    this.clock.uninstall();
    for (const client of this.clients) client.socket.destroy();
    await this.server.stop();
    await this.sm.close();
  }

  get port(): number {
    return this.server.addresses()[0].port;
  }

  /** A client that has connected, and said nothing yet. */
  async connected(name?: string, localAddress?: string): Promise<Client> {
    const client = await Client.connect(this.port, name, localAddress);
    this.clients.push(client);
    return client;
  }

  /** A client with an open stream. */
  async client(name?: string, more?: string): Promise<Client> {
    const client = await this.connected(name);
    await client.open(more);
    return client;
  }

  /** A client whose auth set has arrived at the session manager and is not answered yet. */
  async asking(username: string, resource = 'Balcony', more?: string): Promise<Client> {
    const client = await this.client(username, more);
    client.send(authSet(username, resource));
    const request = await this.link.packet();
    client.address = request.attribute('sfrom')!;
    client.session = `${username}@localhost/${resource}`;
    return client;
  }

  /** A client that has logged in. */
  async user(username: string, resource = 'Balcony', more?: string): Promise<Client> {
    const client = await this.asking(username, resource, more);
    await this.accept(client);
    return client;
  }

  /** The session manager opens the session that a client asks for. */
  async accept(client: Client): Promise<void> {
    this.link.send(this.result(client));
    await client.expect(`<iq type='result' id='auth1'/>`);
  }

  /** What the session manager says when it opens a session. */
  result(client: Client): string {
    return `<iq type='result' id='auth1' sfrom='${client.session}' sto='${client.address}'/>`;
  }

  /** What the session manager says to a wrong password. */
  refusal(client: Client): string {
    return (
      `<iq type='error' id='auth1' sfrom='localhost' sto='${client.address}'>` +
      `<error code='401'>Unauthorized</error></iq>`
    );
  }

  /**
   * Nothing but these two stanzas is on its way, in either direction: each must be the next thing that comes.
   *
   * @param user somebody who is logged in
   */
  async expectQuiet(user: Client): Promise<void> {
    this.pings += 1;
    const id = `ping-${this.pings}`;
    user.send(`<iq type='get' id='${id}'/>`);
    await this.link.expect(`<iq type='get' id='${id}' sfrom='${user.address}' sto='${user.session}'/>`);
    this.link.send(`<iq type='result' id='${id}' sfrom='${user.bare}' sto='${user.address}'/>`);
    await user.expect(`<iq type='result' id='${id}'/>`);
  }

  /** The link is lost, as the socket manager sees it. */
  async loseLink(): Promise<void> {
    await this.link.drop();
    await this.log.line(/^lost link/);
  }

  /** The client is gone, as the socket manager sees it. */
  async gone(client: Client): Promise<string> {
    for (;;) {
      const { details } = await this.log.line(/^client gone/);
      if (client.address === '' || details['socket'] === client.address) return String(details['reason']);
    }
  }
}

/** How a spec that is a dialogue is written: it begins the story, and ends it however it goes. Nothing may be thrown past it. */
export function teller<S extends { end(): Promise<void> }, O = Overrides>(
  begin: (overrides?: O) => Promise<S>,
): (tell: (story: S) => Promise<void>, overrides?: O) => AsyncFunc {
  return (tell, overrides) => async () => {
    const thrown: unknown[] = [];
    const note = (error: unknown): void => void thrown.push(error);
    process.on('uncaughtExceptionMonitor', note);
    const story = await begin(overrides);
    try {
      await tell(story);
    } finally {
      await soon(story.end(), 'the end of the story: stop()');
      process.off('uncaughtExceptionMonitor', note);
    }
    expect(thrown).to.deep.equal([]);
  };
}

/** A dialogue in front of jabberd 1.1.2. */
export const told = teller((overrides) => Story.begin(overrides));

import { expect } from 'chai';
import { CLIENTS, missing, type RealClient } from './clients.js';
import type { Back } from './backs.js';
import { Deployment } from './deployment.js';
import type { EchoPeer } from './echo-peer.js';
import { Guest, PARTNER, type Manners } from './guest.js';
import { isThere } from './needs.js';

/** A spec that needs a real client. Without it the spec is skipped, loudly; in CI it fails. */
export function itWith(client: RealClient, title: string, body: () => Promise<void>): void {
  if (isThere(client.name, client.needs, title)) it(title, body);
}

const present = CLIENTS.filter((client) => missing(client).length === 0);

/** The clients that are there, and stay until they are told to leave. Those that are not: {@link itWith} tells. */
export const TALKERS: readonly RealClient[] = present.filter(({ sendsOnly }) => !sendsOnly);

/** The clients that are there, and leave when they have sent something. */
export const SENDERS: readonly RealClient[] = present.filter(({ sendsOnly }) => sendsOnly);

/** A deployment with an echo peer in it, and guests that are gone after each spec. */
export class Story {
  readonly deployment: Deployment;
  peer!: EchoPeer;
  private guests: Guest[] = [];

  /**
   * @param clients who gets an account
   * @param options more of them for the socket manager
   */
  constructor(back: Back, clients: readonly RealClient[], options: readonly string[] = []) {
    this.deployment = new Deployment(back, options);
    before(async () => {
      await this.deployment.start();
      for (const name of [PARTNER, ...clients.map((client) => client.name)])
        await this.deployment.register(name);
    });
    beforeEach(() => this.partner());
    afterEach(async () => {
      this.peer?.discard();
      await Promise.all(this.guests.splice(0).map((guest) => guest.discard()));
    });
    after(() => this.deployment.stop());
  }

  /** The echo peer logs in (again). */
  async partner(): Promise<void> {
    this.peer = await this.deployment.login(PARTNER);
  }

  /**
   * The whole way works, and sm-component has warned of nothing.
   *
   * @param expected warnings that the spec itself brought about
   */
  async healthy(expected?: RegExp): Promise<void> {
    await this.peer.roundTrip();
    expect(this.deployment.complaints(expected)).to.deep.equal([]);
  }

  async guest(client: RealClient, manners?: Manners): Promise<Guest> {
    const guest = await Guest.start(this.deployment, client, manners);
    this.guests.push(guest);
    return guest;
  }

  /** Real clients, all started at once and all online. */
  async company(clients: readonly RealClient[]): Promise<Guest[]> {
    const guests = await Promise.all(clients.map((client) => this.guest(client)));
    await Promise.all(guests.map((guest) => guest.online()));
    return guests;
  }

  /** One message to the echo peer, and its answer back. */
  async talk(guest: Guest, text = something(guest.client.name)): Promise<void> {
    guest.say(text);
    await this.peer.hears(guest.bare, text);
    await guest.shows(`echo: ${text}`);
  }
}

let count = 0;

/**
 * A text that nobody has said before, with what XML and UTF-8 can make difficult; but without an entity as plain text,
 * which Net::XMPP resolves once too often.
 */
export function something(about: string): string {
  count += 1;
  return `${about} ${process.pid}-${count}: "ü" & 'é' <b>…</b> 日本 😀`;
}

import { expect } from 'chai';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Tag } from '../../lib/xml/index.js';
import { Wire } from './wire.js';

const STREAMS = "xmlns:stream='http://etherx.jabber.org/streams'";

export const FEATURES = `<stream:features><auth xmlns='http://jabber.org/features/iq-auth'/><register xmlns='http://jabber.org/features/iq-register'/></stream:features>`;

/** The attributes of a stream header of old, without a version. */
export const OLD = `to='localhost'`;

/** The header of a client; `more` are attributes. */
export function header(more = `to='localhost' version='1.0'`): string {
  return `<?xml version='1.0'?><stream:stream xmlns='jabber:client' ${STREAMS} ${more}>`;
}

/** An auth set with a password. */
export function authSet(username: string, resource = 'Balcony', id = 'auth1'): string {
  return (
    `<iq type='set' id='${id}'><query xmlns='jabber:iq:auth'><username>${username}</username>` +
    `<password>pass</password><resource>${resource}</resource></query></iq>`
  );
}

/** A client, as a spec plays it: on a raw socket, with the stanzas it wants. */
export class Client extends Wire {
  /** What our side calls this connection; known once the session manager has seen a packet of it. */
  address = '';
  /** What the session manager calls its session; known after login. */
  session = '';
  /** What it logs in as: user, host and resource. */
  login = '';

  /** @param localAddress where it comes from: 127.0.0.2 is another address of this machine */
  static async connect(port: number, name = 'client', localAddress = '127.0.0.1'): Promise<Client> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true, localAddress });
    await once(socket, 'connect');
    return new Client(socket, name);
  }

  /** The session address without the resource: what packets of the session come from. */
  get bare(): string {
    return this.session.slice(0, this.session.indexOf('/'));
  }

  /** Opens a stream and looks at the answer. */
  async open(more?: string): Promise<Tag> {
    this.send(header(more));
    const answer = await this.header();
    if (answer.attribute('version') !== undefined) await this.expect(FEATURES);
    return answer;
  }

  /** The stream must be ended with this condition, and the connection closed. */
  async expectError(condition: string): Promise<void> {
    const error = await this.stanza();
    expect(error.name, error.toString()).to.equal('stream:error');
    expect(error.elements[0]?.name, error.toString()).to.equal(condition);
    await this.expectClosingTag();
    await this.expectEnd();
  }

  /** The stream must be ended with this text, as streams without a version are, and the connection closed. */
  async expectLegacyError(text: string): Promise<void> {
    await this.expect(`<stream:error>${text}</stream:error>`);
    await this.expectClosingTag();
    await this.expectEnd();
  }

  /** The stream must be closed without an error, and the connection. */
  async expectClosed(): Promise<void> {
    await this.expectClosingTag();
    await this.expectEnd();
  }
}

/** Which dialect a session manager speaks, by what it says and by what it answers. */
import type { ComponentDialect } from '../../config/config.js';
import { element, type Stanza, type Tag } from '../../xml/index.js';

/** A dialect, and a sentence that says what shows it. */
export interface Finding {
  readonly dialect: ComponentDialect;
  readonly why: string;
}

/** jabberd 1.1 and before answer every stream header with one of their own namespace. [jabberd 1.1.2 handshake-ok.txt] */
export function fromHeader(header: Tag): Finding | undefined {
  if (header.attribute('xmlns') !== 'jabberd:sockets') return undefined;
  return { dialect: 'sto-sfrom', why: 'its stream header has the namespace jabberd:sockets' };
}

/** The address on our side that a packet of either dialect is for. */
export function addressee(packet: Stanza): string | undefined {
  return packet.attribute(packet.name === 'route' ? 'to' : 'sto');
}

/** Who asks. Answers may come when the dialect is long known. */
export function detectAddressOf(name: string): string {
  return `0@${name}/detect`;
}

/**
 * A question in each dialect, about nobody and from nobody: which login fields are there? Session managers answer the
 * one they understand and drop the other, which has no address that they look at.
 */
export function questions(name: string, domain: string): string {
  const asker = detectAddressOf(name);
  const iq = (): ReturnType<typeof element> =>
    element('iq', { type: 'get', id: 'detect' }, element('query', { xmlns: 'jabber:iq:auth' }));
  const plain = iq().set('sfrom', asker).set('sto', domain);
  const routed = element('route', { type: 'auth', to: domain, from: asker }, iq());
  return `${routed.toString()}${plain.toString()}`;
}

/** What the first packet after the questions shows. */
export function fromAnswer(packet: Stanza): Finding | undefined {
  if (packet.name === 'route') return { dialect: 'route', why: 'it answers in <route/>' };
  if (packet.attribute('sto') !== undefined) {
    return { dialect: 'sto-sfrom', why: 'it answers with the attributes sto and sfrom' };
  }
  return undefined;
}

/**
 * The router of jabberd2 takes components of this kind as well, but no sessions from them; its sm asks each newcomer
 * what it is, in a namespace that no jabberd 1.x writes. [jabberd2 2.7.0 router]
 */
export function isJabberd2(packet: Stanza): boolean {
  return packet.attribute('xmlns') === 'jabber:client';
}

export const USE_JABBERD2 =
  'this is the router of jabberd2: use --dialect jabberd2, with the user and the secret of its router-users.xml';

/** One sentence for the log where a packet does not belong to the dialect that was configured. */
export function otherDialect(configured: ComponentDialect, packet: Stanza): string | undefined {
  if (isJabberd2(packet)) return USE_JABBERD2;
  const finding = fromAnswer(packet);
  if (!finding || finding.dialect === configured) return undefined;
  return `the session manager speaks another dialect than ${configured} (${finding.why}): use --dialect ${finding.dialect}`;
}

/** jabber:iq:auth before login [XEP-0078], in the manner of jabberd 1.1.2. */
import { isSame } from '../xmpp/sasl/same.js';
import { streamDigest } from '../xmpp/stream-digest.js';
import { Jid, prepareResource, prepareUser } from '../xmpp/jid.js';
import { element, type Element } from '../xml/index.js';
import type { LegacyRefusal } from './dialects/dialect.js';
import type { Store } from './store/store.js';
import { IQ_AUTH } from '../xmpp/namespaces.js';

/** The fields of a login. Zero-knowledge is not offered, because it could not be checked. [XEP-0078 3.1] */
export function authFields(query: Element): Element {
  const username = query.child('username') ?? element('username');
  const fields = ['password', 'digest', 'resource'].map((name) => element(name));
  return element('query', { xmlns: IQ_AUTH }, element('username', {}, username.text), ...fields);
}

/** The address that a login is for, or what is wrong with it. [jabberd 1.1.2] */
function loginAddress(query: Element, to: Jid): Jid | LegacyRefusal {
  const username = query.childText('username');
  if (!username) return 'notAcceptable';
  const resource = query.childText('resource');
  if (!resource) return 'noResource';
  const user = prepareUser(username);
  if (user === undefined || prepareResource(resource) === undefined) return 'notAcceptable';
  const address = Jid.parse(`${user}@${to.host}/${resource}`);
  return address && isFor(address, to) ? address : 'notAcceptable';
}

/** An address outside of the login must be the one inside. */
function isFor(address: Jid, to: Jid): boolean {
  return to.user === undefined ? to.resource === undefined : to.full === address.full;
}

/**
 * Checks a login.
 *
 * @param query the query of a jabber:iq:auth set
 * @param to where it was sent: a served domain, or the full JID of the session to open
 * @returns the full JID of the session to open, or what is wrong
 */
export function authenticate(store: Store, query: Element, to: Jid): Jid | LegacyRefusal {
  const address = loginAddress(query, to);
  if (typeof address === 'string') return address;
  const password = query.childText('password');
  const digest = query.child('digest');
  const sid = digest?.attribute('sid');
  if (password === undefined && sid === undefined) return digest ? 'noStreamId' : 'noCredentials';
  const known = store.accounts.password(address.bare);
  const matches =
    sid === undefined
      ? isSame(password!, known ?? '')
      : isSame(digest!.text.trim().toLowerCase(), streamDigest(sid, known ?? ''));
  return matches && known !== undefined ? address : 'unauthorized';
}

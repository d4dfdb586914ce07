/** jabber:iq:register before login [XEP-0077 3.1], in the manner of jabberd 1.1.2. */
import { element, type Element } from '../xml/index.js';
import { prepareAccountName } from '../xmpp/jid.js';
import type { LegacyRefusal } from './refusals.js';
import type { Store } from './store/store.js';
import { isPassword } from './store/accounts.js';

export const REGISTER = 'jabber:iq:register';

/** What an account is made of. */
export function registrationFields(): Element {
  const instructions = element('instructions', {}, 'Choose a user name and a password.');
  return element('query', { xmlns: REGISTER }, instructions, element('username'), element('password'));
}

/** Makes an account. @returns what is wrong where it could not be made */
export function register(store: Store, query: Element, host: string): LegacyRefusal | undefined {
  if (query.child('remove')) return query.elements.length > 1 ? 'badRequest' : 'notAllowed';
  const user = prepareAccountName(query.childText('username') ?? '');
  const password = query.childText('password') ?? '';
  if (user === undefined || !isPassword(password)) return 'notAcceptable';
  return store.accounts.add(`${user}@${host}`, password) ? undefined : 'nameTaken';
}

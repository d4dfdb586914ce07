/**
 * jabber:iq:register: before login a new account, in the manner of jabberd 1.1.2; after login another password, or the
 * removal of the account. [XEP-0077 3.1, 3.2, 3.3]
 */
import { element, type Element } from '../../xml/index.js';
import { prepareAccountName, prepareUser } from '../../xmpp/jid.js';
import type { EmbeddedContext } from '../context.js';
import type { LegacyRefusal } from '../dialects/dialect.js';
import { disconnect } from '../routing/disconnect.js';
import { cancelSubscriptions } from '../routing/subscriptions.js';
import { isAccountPassword } from '../store/accounts.js';
import type { Store } from '../store/store.js';
import type { QueryAnswer, Feature, Query } from './feature.js';
import { REGISTER } from '../../xmpp/namespaces.js';

/** The fields of a registration. */
export function registrationFields(): Element {
  const instructions = element('instructions', {}, 'Choose a user name and a password.');
  return element('query', { xmlns: REGISTER }, instructions, element('username'), element('password'));
}

/**
 * Makes an account.
 *
 * @param query of a client that is not logged in
 * @returns what is wrong where the account could not be made
 */
export function makeAccount(store: Store, query: Element, host: string): LegacyRefusal | undefined {
  if (query.child('remove')) return query.elements.length > 1 ? 'badRequest' : 'notAllowed';
  const user = prepareAccountName(query.childText('username') ?? '');
  const password = query.childText('password') ?? '';
  if (user === undefined || !isAccountPassword(password)) return 'notAcceptable';
  return store.accounts.add(`${user}@${host}`, password) ? undefined : 'nameTaken';
}

/**
 * Removes an account: its sessions end, and its contacts are told.
 *
 * @param account bare address, prepared
 * @returns false where there is none
 */
export function removeAccount(context: EmbeddedContext, account: string): boolean {
  const { store, resources, journal, log } = context;
  if (!store.accounts.exists(account)) return false;
  for (const resource of resources.of(account)) {
    const restore = resource.remember();
    disconnect(context, resource, 'account removed');
    journal.whenUndone(() => {
      restore();
      resources.add(resource);
    });
  }
  store.rosters.change(() => {
    for (const contact of store.rosters.all(account)) cancelSubscriptions(context, account, contact);
    store.accounts.remove(account);
  });
  journal.whenStored(() => {
    context.lastActivity.forget(account);
    log.info('account removed', { account });
  });
  return true;
}

export function registerFeature(context: EmbeddedContext): Feature {
  const { store, log, journal } = context;

  function get({ resource }: Query): QueryAnswer {
    const username = element('username', {}, resource.username);
    return element('query', { xmlns: REGISTER }, element('registered'), username, element('password'));
  }

  function changePassword({ resource, payload }: Query): QueryAnswer {
    const username = payload.childText('username');
    if (username !== undefined && prepareUser(username) !== resource.username) return 'not-allowed';
    const password = payload.childText('password');
    if (password === undefined) return 'bad-request';
    if (!isAccountPassword(password)) return 'not-acceptable';
    store.accounts.setPassword(resource.bareJid, password);
    journal.whenStored(() => log.info('password changed', { account: resource.bareJid }));
    return undefined;
  }

  /** The user is answered before the sessions end. */
  function remove({ resource, after }: Query): QueryAnswer {
    after(() => void removeAccount(context, resource.bareJid));
    return undefined;
  }

  function set(query: Query): QueryAnswer {
    if (!query.payload.child('remove')) return changePassword(query);
    return query.payload.elements.length > 1 ? 'bad-request' : remove(query);
  }

  return {
    announces: [REGISTER],
    answers: {
      [REGISTER]: (query) => {
        if (query.target === 'account' && !query.own) return 'forbidden';
        return query.type === 'get' ? get(query) : set(query);
      },
    },
  };
}

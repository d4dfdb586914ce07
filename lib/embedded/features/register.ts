/** jabber:iq:register after login: another password, or no account any more. [XEP-0077 3.2, 3.3] */
import { element } from '../../xml/index.js';
import type { Answer, Feature, Query } from './feature.js';
import { prepareUser } from '../../xmpp/jid.js';
import { REGISTER } from '../registration.js';
import { removeAccount } from '../removal.js';
import type { Services } from '../services.js';
import { isPassword } from '../store/accounts.js';

export default function register(services: Services): Feature {
  const { store, log, journal } = services;

  function get({ session }: Query): Answer {
    const username = element('username', {}, session.username);
    return element('query', { xmlns: REGISTER }, element('registered'), username, element('password'));
  }

  function changePassword({ session, payload }: Query): Answer {
    const username = payload.childText('username');
    if (username !== undefined && prepareUser(username) !== session.username) return 'not-allowed';
    const password = payload.childText('password');
    if (password === undefined) return 'bad-request';
    if (!isPassword(password)) return 'not-acceptable';
    store.accounts.setPassword(session.bareJid, password);
    journal.whenStored(() => log.info('password changed', { account: session.bareJid }));
    return undefined;
  }

  /** The user is told that it is done before the sessions end. */
  function remove({ session, after }: Query): Answer {
    after(() => void removeAccount(services, session.bareJid));
    return undefined;
  }

  function set(query: Query): Answer {
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

/** jabber:iq:last: how long the server is up, or since when somebody has been away. [XEP-0012] */
import { element } from '../../xml/index.js';
import type { Answer, Feature, Query } from './feature.js';
import type { Services } from '../services.js';

const LAST = 'jabber:iq:last';

export default function last(services: Services): Feature {
  function seconds(since: number, status = ''): Answer {
    const query = element('query', { xmlns: LAST, seconds: String(Math.floor((Date.now() - since) / 1000)) });
    return status === '' ? query : query.append(status);
  }

  /** Who is there has been away for no time at all. [XEP-0012 4] */
  function ofAccount({ session, address }: Query): Answer {
    if (!services.presence.maySee(session, address)) return 'forbidden';
    if (services.sessions.available(address).length > 0) return seconds(Date.now());
    const seen = services.lastSeen.of(address);
    return seen ? seconds(seen.at, seen.status) : 'item-not-found';
  }

  function answer(query: Query): Answer {
    if (query.type === 'set') return 'not-allowed';
    return query.target === 'server' ? seconds(services.started) : ofAccount(query);
  }

  return { announces: [LAST], answers: { [LAST]: answer } };
}

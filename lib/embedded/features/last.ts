/** jabber:iq:last: how long the server has been running, or how long a user has been away. [XEP-0012] */
import { element } from '../../xml/index.js';
import type { EmbeddedContext } from '../context.js';
import { maySee } from '../routing/presence-broadcast.js';
import type { QueryAnswer, Feature, Query } from './feature.js';
import { LAST } from '../../xmpp/namespaces.js';

export function lastFeature(context: EmbeddedContext): Feature {
  function seconds(since: number, status = ''): QueryAnswer {
    const query = element('query', { xmlns: LAST, seconds: String(Math.floor((Date.now() - since) / 1000)) });
    return status === '' ? query : query.append(status);
  }

  /** A user who is available has been away for 0 seconds. [XEP-0012 4] */
  function ofAccount({ resource, address }: Query): QueryAnswer {
    if (!maySee(context, resource, address)) return 'forbidden';
    if (context.resources.available(address).length > 0) return seconds(Date.now());
    const activity = context.lastActivity.of(address);
    return activity ? seconds(activity.at, activity.status) : 'item-not-found';
  }

  function answer(query: Query): QueryAnswer {
    if (query.type === 'set') return 'not-allowed';
    return query.target === 'server' ? seconds(context.started) : ofAccount(query);
  }

  return { announces: [LAST], answers: { [LAST]: answer } };
}

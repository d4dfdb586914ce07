/** jabber:iq:roster: get, set, remove. [RFC6121 2] */
import type { Element } from '../../xml/index.js';
import { Jid } from '../../xmpp/jid.js';
import { ROSTER } from '../../xmpp/namespaces.js';
import type { Condition } from '../../xmpp/stanza-error.js';
import type { EmbeddedContext } from '../context.js';
import { hasRoomForContact, newContact, pushContact, pushRemoval, rosterQuery } from '../routing/roster.js';
import { cancelSubscriptions } from '../routing/subscriptions.js';
import type { QueryAnswer, Feature, Query } from './feature.js';

export function rosterFeature(context: EmbeddedContext): Feature {
  function get({ resource, payload }: Query): QueryAnswer {
    resource.interested = true;
    const current = String(resource.roster.version());
    // An empty result says that the client's copy is current. [RFC6121 2.6.3]
    return payload.attribute('ver') === current ? undefined : rosterQuery(context, resource.bareJid);
  }

  function set(query: Query): QueryAnswer {
    const [item, ...others] = query.payload.elements;
    if (!isItem(item) || others.length > 0) return 'bad-request';
    const jid = Jid.parse(item.attribute('jid'));
    if (!jid) return 'jid-malformed';
    if (jid.bare === query.resource.bareJid) return 'not-allowed';
    return item.attribute('subscription') === 'remove'
      ? remove(query, jid.full)
      : update(query, jid.full, item);
  }

  /** The user may set name and groups, and not the subscription. [RFC6121 2.3.2] */
  function update({ resource, after }: Query, jid: string, item: Element): QueryAnswer {
    const account = resource.bareJid;
    const known = resource.roster.get(jid);
    if (!known && !hasRoomForContact(context, account)) return 'resource-constraint';
    const groups = groupsOf(item);
    const name = item.attribute('name') || undefined;
    const wrong = wrongWith(groups) ?? tooMuch([...groups, name ?? '']);
    if (wrong) return wrong;
    const grown = jid.length + (name ?? '').length + groups.join().length;
    if (context.store.rosters.characters(account) + grown > context.limits.rosterCharacters) {
      return 'resource-constraint';
    }
    const contact = { ...(known ?? newContact(jid)), name, groups, listed: true };
    context.store.rosters.save(account, contact);
    after(() => pushContact(context, account, contact));
    return undefined;
  }

  /** @param texts the groups, and then the name [RFC6121 2.3.3] */
  function tooMuch(texts: readonly string[]): Condition | undefined {
    const { groups, nameCharacters } = context.limits;
    const isTooMuch = texts.length > groups + 1 || texts.some((text) => text.length > nameCharacters);
    return isTooMuch ? 'not-acceptable' : undefined;
  }

  /** [RFC6121 2.5] */
  function remove({ resource, after }: Query, jid: string): QueryAnswer {
    const account = resource.bareJid;
    const known = resource.roster.get(jid);
    if (!known?.listed) return 'item-not-found';
    context.store.rosters.change(() => {
      const unlisted = { ...known, listed: false };
      context.store.rosters.save(account, unlisted);
      cancelSubscriptions(context, account, unlisted);
    });
    after(() => pushRemoval(context, account, jid));
    return undefined;
  }

  return {
    answers: {
      [ROSTER]: (query) => {
        if (!query.own) return query.target === 'account' ? 'forbidden' : 'service-unavailable';
        return query.type === 'get' ? get(query) : set(query);
      },
    },
  };
}

function isItem(element: Element | undefined): element is Element {
  return element?.localName === 'item' && element.namespace === ROSTER && element.attributes.has('jid');
}

function groupsOf(item: Element): string[] {
  return item.elements.filter((child) => child.localName === 'group').map((group) => group.text);
}

/** A group must have a name, and must not be named twice. [RFC6121 2.3.3] */
function wrongWith(groups: readonly string[]): Condition | undefined {
  if (groups.includes('')) return 'not-acceptable';
  return new Set(groups).size < groups.length ? 'bad-request' : undefined;
}

/** Who is sent the presence of an account's resources, and how it reaches them. [RFC6121 4] */
import { element, type Element } from '../../xml/index.js';
import { Jid } from '../../xmpp/jid.js';
import type { EmbeddedContext } from '../context.js';
import type { ConnectedResource } from './connected-resources.js';
import type { Steps } from './scheduler.js';

/** The presence as one receiver gets it. */
export function addressed(presence: Element, to: string): Element {
  return presence.reopened().set('to', to);
}

/** Delivers a presence to the resource of that address, or to all available ones of that account. [RFC6121 8.5.2.1.2, 8.5.3.1] */
export function deliverPresence({ resources }: EmbeddedContext, presence: Element, address: string): void {
  const resource = resources.get(address);
  if (resource) resource.send(presence);
  else for (const receiver of resources.available(address)) receiver.send(presence);
}

/** Does the account let the resource's user see its presence? */
export function maySee({ store }: EmbeddedContext, resource: ConnectedResource, account: string): boolean {
  if (account === resource.bareJid) return true;
  return store.rosters.get(account, resource.bareJid)?.theirs === 'granted';
}

/** Sends the presence of an account's resources to a contact that may see them from now on. [RFC6121 3.1.5] */
export function showPresence(context: EmbeddedContext, account: string, contact: string): void {
  const { resources, journal, scheduler } = context;
  const available = resources.available(account);
  const [first] = available;
  const steps = eachOf(available, (resource) => {
    if (resource.available) deliverPresence(context, addressed(resource.presence!, contact), contact);
  });
  if (first) journal.whenStored(() => scheduler.goOn(account, first, steps));
}

/** Sends `unavailable` for an account's resources to a contact that may not see them any more. [RFC6121 3.2.2, 3.3.3] */
export function hidePresence(context: EmbeddedContext, account: string, contact: string): void {
  for (const { fullJid } of context.resources.available(account)) {
    const presence = element('presence', { type: 'unavailable', from: fullJid, to: contact });
    deliverPresence(context, presence, contact);
  }
}

/**
 * Makes a resource unavailable. [RFC6121 4.5.2, 4.6.3]
 *
 * @param presence of type `unavailable`, `from` the resource
 * @returns the steps that tell everybody who was sent its presence
 */
export function withdrawPresence(
  context: EmbeddedContext,
  resource: ConnectedResource,
  presence: Element,
): Steps {
  recordActivity(context, resource, presence.childText('status') ?? '');
  const subscribers = resource.available ? resource.roster.subscribers() : [];
  const told = new Set(resource.available ? [...subscribers, resource.bareJid] : []);
  if (resource.available) deliverPresence(context, addressed(presence, resource.bareJid), resource.bareJid);
  resource.presence = undefined;
  resource.priority = 0;
  const directed = [...resource.directed].filter((address) => !wasTold(context, told, address));
  resource.directed.clear();
  return eachOf([...subscribers, ...directed], (receiver) =>
    deliverPresence(context, addressed(presence, receiver), receiver),
  );
}

/** Keeps when an available resource has gone, and the status it left. [XEP-0012] */
export function recordActivity(context: EmbeddedContext, resource: ConnectedResource, status: string): void {
  if (!resource.available) return;
  context.lastActivity.record(resource.bareJid, status.slice(0, context.limits.nameCharacters));
}

/** Is that address told with its account? A resource that is not available is not. */
function wasTold({ resources }: EmbeddedContext, told: ReadonlySet<string>, address: string): boolean {
  return told.has(Jid.parse(address)!.bare) && resources.get(address)?.available !== false;
}

function* eachOf<Item>(items: readonly Item[], action: (item: Item) => void): Steps {
  for (const item of items) {
    action(item);
    yield;
  }
}

import { element } from '../../xml/index.js';
import { ACCOUNT_REMOVED } from '../../session/close-reason.js';
import type { EmbeddedContext } from '../context.js';
import type { ConnectedResource } from './connected-resources.js';
import { recordActivity, withdrawPresence } from './presence-broadcast.js';
import type { Steps } from './scheduler.js';

/** Why a resource is not connected any more. */
export type DisconnectReason =
  'disconnected' | 'replaced' | 'undeliverable' | 'account removed' | 'link lost' | 'stopped';

/** The status in the last presence of the resource; for a client that has left, the text of jabberd 1.1.2. */
const STATUS: Readonly<Record<DisconnectReason, string>> = {
  disconnected: 'Disconnected',
  replaced: 'Replaced by new connection',
  undeliverable: 'Disconnected',
  'account removed': 'Account removed',
  'link lost': 'Disconnected',
  stopped: 'Server stopped',
};

/** The reasons that the socket manager does not know yet. Told of another one, it might end the new session for it. */
const TOLD: ReadonlySet<DisconnectReason> = new Set(['replaced', 'account removed', 'stopped']);

/** Ends the session of a resource, once. Its contacts are told, and the socket manager where it does not know yet. */
export function disconnect(
  context: EmbeddedContext,
  resource: ConnectedResource,
  reason: DisconnectReason,
): void {
  const { resources, dialect, journal, log } = context;
  if (!resources.delete(resource)) return;
  if (TOLD.has(reason)) {
    const why = reason === 'account removed' ? ACCOUNT_REMOVED : undefined;
    resource.conn.send(dialect.ended(resource.address, resource.socket, why));
  }
  leave(context, resource, reason);
  const { fullJid, socket, received, sent, since } = resource;
  const seconds = Math.round((Date.now() - since) / 1000);
  journal.whenStored(() =>
    log.info('session ended', { session: fullJid, socket, reason, received, sent, seconds }),
  );
}

function leave(context: EmbeddedContext, resource: ConnectedResource, reason: DisconnectReason): void {
  if (reason === 'stopped') return recordActivity(context, resource, STATUS[reason]);
  const steps = leaving(context, resource, STATUS[reason]);
  if (reason !== 'account removed') return context.scheduler.goOn(resource.bareJid, resource, steps);
  // At once: the subscriptions are cancelled next, and that must come after it.
  while (!steps.next().done);
}

function leaving(context: EmbeddedContext, resource: ConnectedResource, status: string): Steps {
  const attributes = { type: 'unavailable', from: resource.fullJid };
  const presence = element('presence', attributes, element('status', {}, status));
  return withdrawPresence(context, resource, presence);
}

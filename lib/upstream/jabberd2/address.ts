/** Addresses as jabberd2 reads them. [jabberd2 2.7.0 util/jid.c] */
import { Jid, STRINGPREP } from '../../xmpp/jid.js';

/** What nearly all addresses are, and what stringprep has nothing to say to. */
const ORDINARY = /^(?:[a-z0-9._-]{1,200}@)?[a-z0-9.-]{1,200}(?:\/[\w .+-]{1,200})?$/;

/** The address that a text spells, in the sm's own spelling; undefined where it spells none. */
export function parseAddress(text: string | undefined): Jid | undefined {
  return Jid.parse(text, STRINGPREP);
}

/** Does a text spell an address? */
export function isAddress(text: string): boolean {
  return ORDINARY.test(text) || parseAddress(text) !== undefined;
}

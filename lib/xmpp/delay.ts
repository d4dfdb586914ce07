import { element, type Element } from '../xml/index.js';
import { DELAY, LEGACY_DELAY } from './namespaces.js';

const twoDigits = (value: number): string => String(value).padStart(2, '0');

/** `2026-11-21T04:49:06Z` [XEP-0082 3.2] */
export function dateTime(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

/** `20261121T04:49:06`, the form before XEP-0082. [XEP-0091 2] */
export function legacyDateTime(at: number): string {
  const date = new Date(at);
  const day = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()].map(twoDigits).join('');
  return `${day}T${date.toISOString().slice(11, 19)}`;
}

/**
 * When a stanza was first sent, for new and old clients. [XEP-0203 3] [XEP-0091 3]
 *
 * @param at milliseconds since 1970
 * @param from the address that delayed it
 * @param reason shown by old clients
 */
export function delays(at: number, from: string, reason = ''): Element[] {
  const legacy = element('x', { xmlns: LEGACY_DELAY, from, stamp: legacyDateTime(at) });
  if (reason !== '') legacy.append(reason);
  return [element('delay', { xmlns: DELAY, from, stamp: dateTime(at) }), legacy];
}

import { createHash } from 'node:crypto';
import type { Element } from '../../xml/index.js';

/** Messages that are remembered; then the oldest is forgotten. */
const MAX_REMEMBERED = 10_000;

interface Sent {
  /** How many of the same there were, and how many copies of them are with somebody. */
  messages: number;
  copies: number;
}

/**
 * Which messages went to more sessions than one. Each of those gives its copy back where it ends, and a copy that is
 * delivered again to all the others would be given back by them again: so only the last one is.
 */
export class Copies {
  private readonly sent = new Map<string, Sent>();

  /** A message has gone to that many sessions. */
  add(message: Element, copies: number): void {
    if (copies < 2) return;
    const key = keyOf(message);
    const sent = this.sent.get(key) ?? { messages: 0, copies: 0 };
    sent.messages += 1;
    sent.copies += copies;
    this.sent.delete(key);
    this.sent.set(key, sent);
    if (this.sent.size > MAX_REMEMBERED) this.sent.delete(this.sent.keys().next().value!);
  }

  /** A message comes back. @returns whether somebody else has a copy of it */
  isElsewhere(message: Element): boolean {
    if (this.sent.size === 0) return false;
    const key = keyOf(message);
    const sent = this.sent.get(key);
    if (!sent) return false;
    sent.copies -= 1;
    if (sent.copies >= sent.messages) return true;
    sent.messages -= 1;
    if (sent.messages === 0) this.sent.delete(key);
    return false;
  }
}

/** The same for a message that comes back, however it is spelt then. */
function keyOf(message: Element): string {
  const { from, to, id, type = 'normal' } = Object.fromEntries(message.attributes);
  const content = message.clone().children.map(String).join('');
  return createHash('sha1').update([from, to, id, type, content].join('\0')).digest('base64');
}

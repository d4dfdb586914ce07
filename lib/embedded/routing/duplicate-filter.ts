import { createHash } from 'node:crypto';
import type { Element } from '../../xml/index.js';

/** Messages that are remembered; when there are more, the oldest is forgotten. */
const MAX_REMEMBERED = 10_000;

interface Sent {
  /** How many equal messages there were, and how many copies of them are with a resource. */
  messages: number;
  copies: number;
}

/**
 * Remembers messages that were sent to several resources. Each resource gives its copy back when its session ends, and a
 * copy that was delivered again to the others would be given back by them once more. So only the last copy is delivered
 * again.
 */
export class DuplicateFilter {
  private readonly sent = new Map<string, Sent>();

  /** A message was sent to that many resources. */
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

  /** A message comes back. @returns whether another resource has a copy of it */
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

import type { Packet } from '../session/session.js';

/** What a manager, of either kind, tells. */
export interface UpstreamEvents {
  /** The link is there: clients may come. Called at every connect. */
  up(): void;
  /** The link was lost; it comes back by itself. */
  down(): void;
  /** There is no link, and why, after each connect that failed and each loss; `final` when it is not tried again. */
  failed(reason: string, final: boolean): void;
  /** There is room on the link again. */
  relieved(): void;
  packet(packet: Packet): void;
}

import type { ComponentDialect } from '../../config/config.js';
import type { Log } from '../../observe/log.js';
import type { Stanza } from '../../xml/index.js';
import { otherDialect } from './detection.js';

/** How long an answer to a login is waited for before the dialect is doubted. */
const ANSWER_TIMEOUT_MS = 10_000;

/**
 * `new` until a login is sent; `waiting` until a packet comes that we understand; `warned` where none came in time, or one
 * of another dialect; `understood` from the first packet that we understand on.
 */
type State = 'new' | 'waiting' | 'warned' | 'understood';

/** Warns once of a session manager that speaks another dialect than the one configured: it drops our packets in silence. */
export class SilenceWarning {
  private state: State = 'new';
  private timer: NodeJS.Timeout | undefined;

  /** @param where the session manager is, for the log */
  constructor(
    private readonly where: string,
    private readonly log: Log,
  ) {}

  get isUnderstood(): boolean {
    return this.state === 'understood';
  }

  /** A login has been sent. */
  asked(dialect: ComponentDialect): void {
    if (this.state !== 'new') return;
    this.state = 'waiting';
    this.timer = setTimeout(() => this.warn(silence(dialect)), ANSWER_TIMEOUT_MS).unref();
  }

  /** A packet came. @param isUnderstood whether it means something in our dialect */
  heard(packet: Stanza, isUnderstood: boolean, dialect: ComponentDialect): void {
    if (isUnderstood) {
      clearTimeout(this.timer);
      this.state = 'understood';
      return;
    }
    const sentence = otherDialect(dialect, packet);
    if (sentence !== undefined && this.state !== 'warned') this.warn(sentence);
  }

  /** The link is lost, and so no answer comes. */
  unlinked(): void {
    clearTimeout(this.timer);
    if (this.state === 'waiting') this.state = 'new';
  }

  private warn(sentence: string): void {
    clearTimeout(this.timer);
    this.state = 'warned';
    this.log.warn(sentence, { at: this.where });
  }
}

function silence(dialect: ComponentDialect): string {
  const other = dialect === 'route' ? 'sto-sfrom (jabberd up to 1.1)' : 'route (jabberd 1.4)';
  return `no answer to a login within ${ANSWER_TIMEOUT_MS / 1000} s: if the session manager speaks another dialect, use --dialect ${other}, or --dialect jabberd2 for the router of jabberd2`;
}

/**
 * How far a client is before its session is open: `idle`, nothing is under way; `asking`, a request that opens no session
 * is; `postponed`, its login waits until the session that has the address has left; `proving`, its login is being checked;
 * `opening`, the login was right, and the session has been asked for; `done`, the session is open, or never will be.
 */
export type LoginState = 'idle' | 'asking' | 'postponed' | 'proving' | 'opening' | 'done';

/**
 * What happens to it. The client may `ask`, or log in, which begins to `prove` or to `postpone`; it may have `left`. The
 * request may be `answered`; the login may be `accepted`, or have `opened` the session, or be `refused`; a session that was
 * asked for may have `started`. The session manager may say that it has `ended`.
 */
export type LoginEvent =
  | 'ask'
  | 'prove'
  | 'postpone'
  | 'left'
  | 'answered'
  | 'accepted'
  | 'opened'
  | 'refused'
  | 'started'
  | 'ended';

/** The state after each event; undefined where the event is ignored: it comes too late, or somebody has made it up. */
export const NEXT: Readonly<Record<LoginState, Readonly<Record<LoginEvent, LoginState | undefined>>>> = {
  idle: {
    ask: 'asking',
    prove: 'proving',
    postpone: 'postponed',
    left: 'done',
    answered: undefined,
    accepted: undefined,
    opened: undefined,
    refused: undefined,
    started: undefined,
    ended: undefined,
  },
  asking: {
    ask: undefined,
    prove: undefined,
    postpone: undefined,
    left: 'done',
    answered: 'idle',
    accepted: undefined,
    opened: undefined,
    refused: undefined,
    started: undefined,
    ended: 'done',
  },
  postponed: {
    ask: undefined,
    prove: 'proving',
    postpone: 'postponed',
    left: 'done',
    answered: undefined,
    accepted: undefined,
    opened: undefined,
    refused: undefined,
    started: undefined,
    ended: 'done',
  },
  proving: {
    ask: undefined,
    prove: undefined,
    postpone: undefined,
    left: 'done',
    answered: undefined,
    accepted: 'opening',
    opened: 'done',
    refused: 'idle',
    started: undefined,
    ended: 'done',
  },
  opening: {
    ask: undefined,
    prove: undefined,
    postpone: undefined,
    left: 'done',
    answered: undefined,
    accepted: undefined,
    opened: undefined,
    refused: 'idle',
    started: 'done',
    ended: 'done',
  },
  done: {
    ask: undefined,
    prove: undefined,
    postpone: undefined,
    left: undefined,
    answered: undefined,
    accepted: undefined,
    opened: undefined,
    refused: undefined,
    started: undefined,
    ended: undefined,
  },
};

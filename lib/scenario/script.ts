import type { Element } from '../xml/index.js';

/** A script whose text was understood: who plays in it, and what they do, in order. */
export interface Script {
  /** As it is shown to people. */
  readonly file: string;
  readonly title: string;
  /** `## slow` and `## status: stable` of the top part, the value empty where there is none. */
  readonly tags: ReadonlyMap<string, string>;
  readonly characters: readonly Character[];
  readonly actions: readonly ScriptAction[];
  /** What was passed over, and its author may want to know. */
  readonly notes: readonly ScriptNote[];
}

export interface ScriptNote {
  readonly line: number;
  readonly text: string;
}

export interface Character {
  readonly name: string;
  readonly line: number;
  /** Localpart, domain, and the resource that is wished for (empty: the server makes one). */
  readonly user: string;
  readonly domain: string;
  readonly resource: string;
  readonly password: string | undefined;
  readonly host: string | undefined;
  readonly port: number | undefined;
}

interface Act {
  readonly who: Character;
  /** Counted from 1. */
  readonly line: number;
}

export type ScriptAction = Act &
  (
    | { readonly kind: 'connects' | 'disconnects' | 'receives nothing' }
    | { readonly kind: 'sends'; readonly stanza: Element }
    | { readonly kind: 'receives'; readonly stanza: Element }
  );

/** What is wrong with a script, and where. */
export class ScriptError extends Error {
  override readonly name = 'ScriptError';

  constructor(
    readonly file: string,
    readonly line: number,
    readonly what: string,
  ) {
    super(`${file}:${line}: ${what}`);
  }
}

/** `Romeo sends <presence/>`: an action in a few words. */
export function describeAction(action: ScriptAction): string {
  const { who, kind } = action;
  return 'stanza' in action ? `${who.name} ${kind} <${action.stanza.name}>` : `${who.name} ${kind}`;
}

import type { Element } from '../xml/index.js';

/** A parsed script: its characters, and their actions in order. */
export interface Script {
  /** Its name, as it is shown. */
  readonly file: string;
  readonly title: string;
  /** `## slow` and `## status: stable` of the top part, the value empty where there is none. */
  readonly tags: ReadonlyMap<string, string>;
  readonly characters: readonly Character[];
  readonly actions: readonly ScriptAction[];
  /** Warnings for its author. */
  readonly notes: readonly ScriptNote[];
}

export interface ScriptNote {
  readonly line: number;
  readonly text: string;
}

export interface Character {
  readonly name: string;
  readonly line: number;
  /** Localpart, domain, and the requested resource (empty: the server chooses it). */
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

/** A mistake in a script, and where it is. */
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

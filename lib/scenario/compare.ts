import { Accounts } from './accounts.js';
import { withoutIgnored, type Ignored } from './ignore.js';
import { differ, weigh, type Difference } from './match.js';
import { accountsOf, play, type Failure } from './play.js';
import type { RunOptions } from './run.js';
import { describeAction, type Action, type Character, type Script } from './script.js';
import type { Element } from '../xml/index.js';
import { mapValues } from './variables.js';
import { MadeUp, valuesIn } from './volatile.js';

/** A stanza that a character got, with names for what the server made up. */
export interface Heard {
  readonly line: number;
  readonly stanza: Element;
}

/** One stanza of a character on both servers, or on one of them only. */
export interface Row {
  readonly who: string;
  /** The line of the script that was played when it came, and what that line does. */
  readonly line: number;
  readonly action: string;
  readonly left: Element | undefined;
  readonly right: Element | undefined;
  readonly differences: readonly Difference[];
}

/** How a script went on two servers. */
export interface Compared {
  readonly file: string;
  readonly title: string;
  readonly same: number;
  /** What is not the same, in the order of the script. */
  readonly rows: readonly Row[];
  /** What the script expected and did not get, on each side. */
  readonly failures: { readonly left: readonly Failure[]; readonly right: readonly Failure[] };
}

export interface Sides {
  readonly left: RunOptions;
  readonly right: RunOptions;
}

/** Plays scripts on two servers. */
export class Comparison {
  private readonly accounts: { readonly left: Accounts; readonly right: Accounts };

  constructor(
    private readonly sides: Sides,
    private readonly ignored: readonly Ignored[],
    note: (text: string) => void,
  ) {
    const accountsOn = (side: keyof Sides): Accounts =>
      new Accounts(
        (account) => sides[side].serverFor(account),
        sides[side].fresh,
        (text) => note(`${side}: ${text}`),
      );
    this.accounts = { left: accountsOn('left'), right: accountsOn('right') };
  }

  async compare(script: Script): Promise<Compared> {
    const left = await this.listen(script, 'left');
    const right = await this.listen(script, 'right');
    const actions = new Map(script.actions.map((action) => [action.line, describeAction(action)]));
    const found = script.characters.map(({ name }) => {
      const pairs = pair(left.heard.get(name) ?? [], right.heard.get(name) ?? []);
      return pairs.map((one) => ({ ...one, who: name, action: actions.get(one.line) ?? '' }));
    });
    const rows = found.flat().sort((a, b) => a.line - b.line);
    return {
      file: script.file,
      title: script.title,
      same: rows.filter(isSame).length,
      rows: rows.filter((row) => !isSame(row)),
      failures: { left: left.failures, right: right.failures },
    };
  }

  /** What each character gets on one side. */
  private async listen(
    script: Script,
    side: keyof Sides,
  ): Promise<{ heard: Map<string, Heard[]>; failures: readonly Failure[] }> {
    const { [side]: options } = this.sides;
    const raw: { who: Character; line: number; stanza: Element }[] = [];
    await this.accounts[side].prepare(accountsOf(script, options.casting));
    const { failures, addresses } = await play(script, options, {
      heard: (who, line, stanza) => void raw.push({ who, line, stanza }),
    });
    await this.accounts[side].clear();
    const madeUp = new MadeUp(valuesIn(script.actions.flatMap(sent)));
    const heard = new Map<string, Heard[]>();
    for (const { who, line, stanza } of raw) {
      const readable = mapValues(stanza, (value) => options.casting.original(named(value, addresses)));
      // It is so for all stanzas, and only some servers say so. [RFC6120 4.8.3]
      if (readable.attribute('xmlns') === 'jabber:client') readable.set('xmlns', undefined);
      const kept = withoutIgnored(madeUp.named(readable), this.ignored, fullJidOf(who.name));
      if (kept) heard.set(who.name, [...(heard.get(who.name) ?? []), { line, stanza: kept }]);
    }
    return { heard, failures };
  }
}

const sent = (action: Action): Element[] => ('stanza' in action ? [action.stanza] : []);

const isSame = ({ left, right, differences }: Row): boolean =>
  left !== undefined && right !== undefined && differences.length === 0;

/** What the full address of a character is called in stanzas that are compared. */
export const fullJidOf = (name: string): string => `{${name}'s full JID}`;

/** Full addresses hold resources that servers make; longest first, since one may begin with another. */
function named(value: string, addresses: ReadonlyMap<string, readonly string[]>): string {
  const all = [...addresses].flatMap(([name, jids]) =>
    jids.map((jid): [string, string] => [jid, fullJidOf(name)]),
  );
  return all
    .sort(([a], [b]) => b.length - a.length)
    .reduce((text, [jid, name]) => text.replaceAll(jid, () => name), value);
}

type Pair = Omit<Row, 'who' | 'action'>;

/**
 * Stanzas that are the same on both sides, wherever each stands: servers may answer and push in one order or another.
 * Then, of those that are left, those that are about the same thing.
 */
function pair(left: readonly Heard[], right: readonly Heard[]): Pair[] {
  const free = new Set(right);
  const take = (found: Heard | undefined): Heard | undefined => {
    if (found) free.delete(found);
    return found;
  };
  const pairs = left.map((one) => ({
    one,
    other: take([...free].find(({ stanza }) => differ(one.stanza, stanza).length === 0)),
  }));
  for (const two of pairs) two.other ??= take(nearestTo(two.one, [...free]));
  const known = pairs.map(({ one, other }) => ({
    line: one.line,
    left: one.stanza,
    right: other?.stanza,
    differences: other ? differ(one.stanza, other.stanza) : [],
  }));
  return [
    ...known,
    ...[...free].map(({ line, stanza }) => ({ line, left: undefined, right: stanza, differences: [] })),
  ];
}

/** Of those that are about the same thing, the one that differs least. */
function nearestTo({ stanza: left }: Heard, others: readonly Heard[]): Heard | undefined {
  return others
    .filter(({ stanza }) => isAbout(left, stanza))
    .map((other) => ({ other, weight: weigh(differ(left, other.stanza)) }))
    .sort((a, b) => a.weight - b.weight)[0]?.other;
}

/** The answer to the same question, or the same kind of stanza from the same sender. */
function isAbout(left: Element, right: Element): boolean {
  if (left.name !== right.name || left.namespace !== right.namespace) return false;
  const [id, otherId] = [left.attribute('id'), right.attribute('id')];
  if (left.name === 'iq' && id !== undefined && id !== '{id}') return id === otherId;
  return (
    left.attribute('type') === right.attribute('type') &&
    left.attribute('from') === right.attribute('from') &&
    (left.name === 'presence' || carriesAlike(left, right))
  );
}

/** Is there a child that both have, or none at all? Servers add others of their own, before or behind it. */
function carriesAlike({ elements: left }: Element, { elements: right }: Element): boolean {
  const name = ({ namespace, localName }: Element): string => `${namespace} ${localName}`;
  if (left.length === 0 || right.length === 0) return left.length === right.length;
  return left.some((one) => right.some((other) => name(one) === name(other)));
}

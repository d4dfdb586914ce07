import { Accounts } from './accounts.js';
import { withoutIgnored, type Ignored } from './ignore.js';
import { differ, weigh, type Difference } from './match.js';
import { accountsOf, play, type Failure } from './play.js';
import type { RunOptions } from './run.js';
import { describeAction, type Action, type Character, type Script } from './script.js';
import type { Element } from '../xml/index.js';
import { inOneForm, withoutUsual, type Receiver, type UsualName } from './usual.js';
import { mapValues } from './variables.js';
import { ServerGenerated, valuesIn } from './volatile.js';

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

/** What is passed over. */
export interface PassedOver {
  /** What servers usually differ in, by the names of the rules. */
  readonly usual: readonly UsualName[];
  readonly paths: readonly Ignored[];
}

/** One side of a script, as it is compared. */
interface Listened {
  readonly heard: ReadonlyMap<string, readonly Heard[]>;
  readonly failures: readonly Failure[];
}

/** Plays scripts on two servers. */
export class Comparison {
  private readonly accounts: { readonly left: Accounts; readonly right: Accounts };

  constructor(
    private readonly sides: Sides,
    private readonly passedOver: PassedOver,
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
      failures: {
        left: this.ownFailures(script, rows, left.failures),
        right: this.ownFailures(script, rows, right.failures),
      },
    };
  }

  /**
   * Where all that came is the same, but for what is passed over, a script that waits for something else in vain on one
   * side waits for what is passed over.
   */
  private ownFailures(
    script: Script,
    rows: readonly Row[],
    failures: readonly Failure[],
  ): readonly Failure[] {
    const { usual, paths } = this.passedOver;
    if (!rows.every(isSame) || usual.length + paths.length === 0) return failures;
    const waits = new Set(
      script.actions.filter(({ kind }) => kind.startsWith('receives')).map(({ line }) => line),
    );
    return failures.filter(({ line }) => !waits.has(line));
  }

  /** What each character gets on one side. */
  private async listen(script: Script, side: keyof Sides): Promise<Listened> {
    const { [side]: options } = this.sides;
    const raw: { who: Character; line: number; stanza: Element }[] = [];
    await this.accounts[side].prepare(accountsOf(script, options.mapping));
    const { failures, addresses } = await play(script, options, {
      heard: (who, line, stanza) => void raw.push({ who, line, stanza }),
    });
    await this.accounts[side].clear();
    const known = valuesIn(script.actions.flatMap(sent));
    const madeUp = new ServerGenerated(known);
    const compared = (who: Character, stanza: Element): Element | undefined => {
      const readable = mapValues(stanza, (value) => options.mapping.original(named(value, addresses)));
      // It is so for all stanzas, and only some servers say so. [RFC6120 4.8.3]
      if (readable.attribute('xmlns') === 'jabber:client') readable.set('xmlns', undefined);
      return this.reduced(madeUp.named(readable), receiverOf(who, known));
    };
    const heard = new Map<string, Heard[]>();
    for (const { who, line, stanza } of raw) {
      const kept = compared(who, stanza);
      if (kept) heard.set(who.name, [...(heard.get(who.name) ?? []), { line, stanza: kept }]);
    }
    return { heard, failures };
  }

  private reduced(stanza: Element, receiver: Receiver): Element | undefined {
    const { usual, paths } = this.passedOver;
    const kept = withoutUsual(stanza, usual, receiver);
    return kept && withoutIgnored(kept, paths, receiver.full);
  }
}

function receiverOf({ name, user, domain }: Character, sent: ReadonlySet<string>): Receiver {
  return { bare: `${user}@${domain}`, full: fullJidOf(name), sent };
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
    other: take([...free].find(({ stanza }) => differencesBetween(one.stanza, stanza).length === 0)),
  }));
  for (const two of pairs) two.other ??= take(nearestTo(two.one, [...free]));
  const known = pairs.map(({ one: { line, stanza }, other }) => {
    const [left, right] = other ? inOneForm(stanza, other.stanza) : [stanza, undefined];
    return { line, left, right, differences: right ? differ(left, right) : [] };
  });
  return [
    ...known,
    ...[...free].map(({ line, stanza }) => ({ line, left: undefined, right: stanza, differences: [] })),
  ];
}

const differencesBetween = (left: Element, right: Element): Difference[] => differ(...inOneForm(left, right));

/** Of those that are about the same thing, the one that differs least. */
function nearestTo({ stanza: left }: Heard, others: readonly Heard[]): Heard | undefined {
  return others
    .filter(({ stanza }) => isAbout(left, stanza))
    .map((other) => ({ other, weight: weigh(differencesBetween(left, other.stanza)) }))
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

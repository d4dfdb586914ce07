import { AccountProvisioner } from './account-provisioner.js';
import { withoutIgnored, type IgnoredPath } from './ignored-paths.js';
import { differencesOf, totalWeight, type Difference } from './match.js';
import { accountsOf, play, type ScriptFailure } from './play.js';
import type { RunOptions } from './run.js';
import { describeAction, type ScriptAction, type Character, type Script } from './script.js';
import type { Element } from '../xml/index.js';
import {
  withComparableErrors,
  withoutUsualDifferences,
  type StanzaReceiver,
  type UsualRule,
} from './usual-differences.js';
import { mapValues } from './variables.js';
import { ServerGenerated, valuesIn } from './server-generated.js';

/** A stanza that a character got, with names for what the server made up. */
export interface ReceivedStanza {
  readonly line: number;
  readonly stanza: Element;
}

/** One stanza of a character on both servers, or on one of them only. */
export interface ComparedStanza {
  readonly who: string;
  /** The line of the script that was played when it came, and what that line does. */
  readonly line: number;
  readonly action: string;
  readonly left: Element | undefined;
  readonly right: Element | undefined;
  readonly differences: readonly Difference[];
}

/** How a script went on two servers. */
export interface ScriptComparison {
  readonly file: string;
  readonly title: string;
  readonly same: number;
  /** What is not the same, in the order of the script. */
  readonly rows: readonly ComparedStanza[];
  /** What the script expected and did not get, on each side. */
  readonly failures: { readonly left: readonly ScriptFailure[]; readonly right: readonly ScriptFailure[] };
}

export interface Sides {
  readonly left: RunOptions;
  readonly right: RunOptions;
}

/** What is passed over. */
export interface IgnoredDifferences {
  /** What servers usually differ in, by the names of the rules. */
  readonly usual: readonly UsualRule[];
  readonly paths: readonly IgnoredPath[];
}

/** One side of a script, as it is compared. */
interface SideResult {
  readonly heard: ReadonlyMap<string, readonly ReceivedStanza[]>;
  readonly failures: readonly ScriptFailure[];
}

/** Plays scripts on two servers. */
export class ServerComparison {
  private readonly accounts: { readonly left: AccountProvisioner; readonly right: AccountProvisioner };

  constructor(
    private readonly sides: Sides,
    private readonly ignored: IgnoredDifferences,
    note: (text: string) => void,
  ) {
    const accountsOn = (side: keyof Sides): AccountProvisioner =>
      new AccountProvisioner(
        (account) => sides[side].serverFor(account),
        sides[side].fresh,
        (text) => note(`${side}: ${text}`),
      );
    this.accounts = { left: accountsOn('left'), right: accountsOn('right') };
  }

  async compare(script: Script): Promise<ScriptComparison> {
    const left = await this.playOn(script, 'left');
    const right = await this.playOn(script, 'right');
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
        left: this.relevantFailures(script, rows, left.failures),
        right: this.relevantFailures(script, rows, right.failures),
      },
    };
  }

  /**
   * Where all that came is the same, but for what is passed over, a script that waits for something else in vain on one
   * side waits for what is passed over.
   */
  private relevantFailures(
    script: Script,
    rows: readonly ComparedStanza[],
    failures: readonly ScriptFailure[],
  ): readonly ScriptFailure[] {
    const { usual, paths } = this.ignored;
    if (!rows.every(isSame) || usual.length + paths.length === 0) return failures;
    const waits = new Set(
      script.actions.filter(({ kind }) => kind.startsWith('receives')).map(({ line }) => line),
    );
    return failures.filter(({ line }) => !waits.has(line));
  }

  /** What each character gets on one side. */
  private async playOn(script: Script, side: keyof Sides): Promise<SideResult> {
    const { [side]: options } = this.sides;
    const raw: { who: Character; line: number; stanza: Element }[] = [];
    await this.accounts[side].prepare(accountsOf(script, options.mapping));
    const { failures, addresses } = await play(script, options, {
      onReceived: (who, line, stanza) => void raw.push({ who, line, stanza }),
    });
    await this.accounts[side].removeCreated();
    const known = valuesIn(script.actions.flatMap(sent));
    const madeUp = new ServerGenerated(known);
    const compared = (who: Character, stanza: Element): Element | undefined => {
      const readable = mapValues(stanza, (value) => options.mapping.original(named(value, addresses)));
      // It is so for all stanzas, and only some servers say so. [RFC6120 4.8.3]
      if (readable.attribute('xmlns') === 'jabber:client') readable.set('xmlns', undefined);
      return this.reduced(madeUp.withNames(readable), receiverOf(who, known));
    };
    const heard = new Map<string, ReceivedStanza[]>();
    for (const { who, line, stanza } of raw) {
      const kept = compared(who, stanza);
      if (kept) heard.set(who.name, [...(heard.get(who.name) ?? []), { line, stanza: kept }]);
    }
    return { heard, failures };
  }

  private reduced(stanza: Element, receiver: StanzaReceiver): Element | undefined {
    const { usual, paths } = this.ignored;
    const kept = withoutUsualDifferences(stanza, usual, receiver);
    return kept && withoutIgnored(kept, paths, receiver.full);
  }
}

function receiverOf({ name, user, domain }: Character, sent: ReadonlySet<string>): StanzaReceiver {
  return { bare: `${user}@${domain}`, full: fullJidOf(name), sent };
}

const sent = (action: ScriptAction): Element[] => ('stanza' in action ? [action.stanza] : []);

const isSame = ({ left, right, differences }: ComparedStanza): boolean =>
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

type Pair = Omit<ComparedStanza, 'who' | 'action'>;

/**
 * Stanzas that are the same on both sides, wherever each stands: servers may answer and push in one order or another.
 * Then, of those that are left, those that are about the same thing.
 */
function pair(left: readonly ReceivedStanza[], right: readonly ReceivedStanza[]): Pair[] {
  const free = new Set(right);
  const take = (found: ReceivedStanza | undefined): ReceivedStanza | undefined => {
    if (found) free.delete(found);
    return found;
  };
  const pairs = left.map((one) => ({
    one,
    other: take([...free].find(({ stanza }) => differencesBetween(one.stanza, stanza).length === 0)),
  }));
  for (const two of pairs) two.other ??= take(nearestTo(two.one, [...free]));
  const known = pairs.map(({ one: { line, stanza }, other }) => {
    const [left, right] = other ? withComparableErrors(stanza, other.stanza) : [stanza, undefined];
    return { line, left, right, differences: right ? differencesOf(left, right) : [] };
  });
  return [
    ...known,
    ...[...free].map(({ line, stanza }) => ({ line, left: undefined, right: stanza, differences: [] })),
  ];
}

const differencesBetween = (left: Element, right: Element): Difference[] =>
  differencesOf(...withComparableErrors(left, right));

/** Of those that are about the same thing, the one that differs least. */
function nearestTo(
  { stanza: left }: ReceivedStanza,
  others: readonly ReceivedStanza[],
): ReceivedStanza | undefined {
  return others
    .filter(({ stanza }) => isAbout(left, stanza))
    .map((other) => ({ other, weight: totalWeight(differencesBetween(left, other.stanza)) }))
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

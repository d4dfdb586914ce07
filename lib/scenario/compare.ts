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
import { CLIENT } from '../xmpp/namespaces.js';

/** A stanza that a character received, with names for values that the server generated. */
export interface ReceivedStanza {
  readonly line: number;
  readonly stanza: Element;
}

/** One stanza of a character on both servers, or on one of them only. */
export interface ComparedStanza {
  readonly who: string;
  /** The line of the action during which it came, and that action in words. */
  readonly line: number;
  readonly action: string;
  readonly left: Element | undefined;
  readonly right: Element | undefined;
  readonly differences: readonly Difference[];
}

/** The result of a script on two servers. */
export interface ScriptComparison {
  readonly file: string;
  readonly title: string;
  readonly same: number;
  /** The stanzas that differ, in the order of the script. */
  readonly rows: readonly ComparedStanza[];
  /** The failures of the script, on each side. */
  readonly failures: { readonly left: readonly ScriptFailure[]; readonly right: readonly ScriptFailure[] };
}

export interface Sides {
  readonly left: RunOptions;
  readonly right: RunOptions;
}

/** The differences that do not count. */
export interface IgnoredDifferences {
  /** The usual differences of servers, by the names of the rules. */
  readonly usual: readonly UsualRule[];
  readonly paths: readonly IgnoredPath[];
}

/** The result of a script on one side. */
interface SideResult {
  readonly received: ReadonlyMap<string, readonly ReceivedStanza[]>;
  readonly failures: readonly ScriptFailure[];
}

/** Plays scripts on two servers, and compares what each character receives. */
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
      const pairs = pair(left.received.get(name) ?? [], right.received.get(name) ?? []);
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
   * Where all received stanzas are equal but for ignored differences, an expected stanza that did not come on one side
   * was an ignored one, and its failure does not count.
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

  /** Plays a script on one side. */
  private async playOn(script: Script, side: keyof Sides): Promise<SideResult> {
    const { [side]: options } = this.sides;
    const all: { who: Character; line: number; stanza: Element }[] = [];
    await this.accounts[side].prepare(accountsOf(script, options.mapping));
    const { failures, addresses } = await play(script, options, {
      onReceived: (who, line, stanza) => void all.push({ who, line, stanza }),
    });
    await this.accounts[side].removeCreated();
    const known = valuesIn(script.actions.flatMap(sent));
    const generated = new ServerGenerated(known);
    const compared = (who: Character, stanza: Element): Element | undefined => {
      const readable = mapValues(stanza, (value) => options.mapping.original(named(value, addresses)));
      // All stanzas are in this namespace, but only some servers declare it. [RFC6120 4.8.3]
      if (readable.attribute('xmlns') === CLIENT) readable.set('xmlns', undefined);
      return this.withoutIgnored(generated.withNames(readable), receiverOf(who, known));
    };
    const received = new Map<string, ReceivedStanza[]>();
    for (const { who, line, stanza } of all) {
      const kept = compared(who, stanza);
      if (kept) received.set(who.name, [...(received.get(who.name) ?? []), { line, stanza: kept }]);
    }
    return { received, failures };
  }

  private withoutIgnored(stanza: Element, receiver: StanzaReceiver): Element | undefined {
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

/** The name of the full address of a character, in compared stanzas. */
export const fullJidOf = (name: string): string => `{${name}'s full JID}`;

/** Replaces full addresses, whose resources servers generate, by names. The longest first, since one may begin with another. */
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
 * Pairs the stanzas of two sides. First equal ones, in any order, since servers answer and push in different orders; then
 * those that are about the same thing.
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

/** Of the stanzas that are about the same thing, the one with the fewest differences. */
function nearestTo(
  { stanza: left }: ReceivedStanza,
  others: readonly ReceivedStanza[],
): ReceivedStanza | undefined {
  return others
    .filter(({ stanza }) => isAbout(left, stanza))
    .map((other) => ({ other, weight: totalWeight(differencesBetween(left, other.stanza)) }))
    .sort((a, b) => a.weight - b.weight)[0]?.other;
}

/** Do both answer the same request, or are they of the same kind and from the same sender? */
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

/** Do both have a child of the same name, or none at all? Servers add children of their own. */
function carriesAlike({ elements: left }: Element, { elements: right }: Element): boolean {
  const name = ({ namespace, localName }: Element): string => `${namespace} ${localName}`;
  if (left.length === 0 || right.length === 0) return left.length === right.length;
  return left.some((one) => right.some((other) => name(one) === name(other)));
}

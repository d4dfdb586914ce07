import { didYouMean } from '../config/error.js';
import type { Element } from '../xml/index.js';
import { ANY, CAPTURE, STRICT } from './match.js';
import { ScriptError, type ScriptAction, type Character } from './script.js';
import { usesIn, type Use } from './variables.js';

/** An action, and the text that it was read from. */
export interface ParsedAction {
  readonly action: ScriptAction;
  /** From the line of the action on. */
  readonly source: readonly string[];
  /** The line of each element of the action. */
  readonly lines: ReadonlyMap<Element, number>;
}

/** `${…'s …}`, whatever is said in it. */
const POSSESSIVE = /\$\{[^}]*'s [^}]*\}/g;
/** `{scansion:…}`, likewise. */
const OURS = /\{scansion:[^}]*\}/g;
const STRICTNESS = ['true', 'false', '1', '0'];

/**
 * Are all words understood that scripts say in braces? A value that is not there yet, or means nothing here, is found
 * before anything is played.
 *
 * @throws {ScriptError} for the first that is not
 */
export function checkPlaceholders(
  file: string,
  characters: readonly Character[],
  told: readonly ParsedAction[],
): void {
  const checker = new Checker(characters);
  for (const one of told) {
    const wrong = checker.wrongIn(one.action);
    if (wrong) throw new ScriptError(file, lineOf(wrong, one), wrong.what);
  }
}

interface Wrong {
  readonly word: string;
  readonly what: string;
}

/** Where it is wrong. */
interface Found extends Wrong {
  readonly element: Element;
  /** The value that the word is in. */
  readonly value: string;
}

/** The line of a wrong word: in the tag of its element, or below. Quotes may be written otherwise. */
function lineOf({ word, value, element }: Found, { action, source, lines }: ParsedAction): number {
  const plain = (text: string): string => text.replaceAll('&apos;', "'").replaceAll('&quot;', '"');
  const words = value.split('\n').find((line) => line.includes(word)) ?? word;
  const begin = lines.get(element) ?? action.line;
  const below = source.slice(begin - action.line);
  return (
    begin +
    Math.max(
      0,
      below.findIndex((line) => plain(line).includes(words.trim())),
    )
  );
}

class Checker {
  private readonly names: readonly string[];
  private readonly connected = new Set<string>();
  private readonly captured = new Set<string>();

  constructor(characters: readonly Character[]) {
    this.names = characters.map(({ name }) => name);
  }

  wrongIn(action: ScriptAction): Found | undefined {
    if (action.kind === 'connects') this.connected.add(action.who.name);
    if (action.kind === 'sends') return this.first(action.stanza, (value) => this.notSendable(value));
    if (action.kind !== 'receives') return undefined;
    return this.first(action.stanza, (value) => this.notExpectable(value)) ?? wrongStrictness(action.stanza);
  }

  private first(element: Element, look: (value: string) => Wrong | undefined): Found | undefined {
    for (const value of [...element.attributes.values(), ...element.children]) {
      if (typeof value !== 'string') {
        const inside = this.first(value, look);
        if (inside) return inside;
        continue;
      }
      const wrong = this.wrongVariable(value) ?? look(value);
      if (wrong) return { ...wrong, element, value };
    }
    return undefined;
  }

  private wrongVariable(value: string): Wrong | undefined {
    const uses = usesIn(value);
    const strange = (value.match(POSSESSIVE) ?? []).find((word) => !uses.some(({ text }) => text === word));
    if (strange !== undefined) {
      return { word: strange, what: `${strange}: of a character there are its JID and its full JID` };
    }
    const wrong = uses.find((use) => this.wrongUse(use));
    return wrong && { word: wrong.text, what: `${wrong.text}${this.wrongUse(wrong)}` };
  }

  private wrongUse({ name, full }: Use): string | undefined {
    if (!this.names.includes(name)) return `: nobody is called ${name}${didYouMean(name, this.names)}`;
    // A full address is known only after its character has connected.
    if (full && !this.connected.has(name)) return ` is not known yet: "${name} connects" has to come first`;
    return undefined;
  }

  private notSendable(value: string): Wrong | undefined {
    for (const word of value.match(OURS) ?? []) {
      const name = CAPTURE.exec(word)?.[1];
      if (name !== undefined && !this.captured.has(name)) {
        return { word, what: `${word}: nothing that is received before is captured as ${name}` };
      }
    }
    return undefined;
  }

  private notExpectable(value: string): Wrong | undefined {
    const [word] = value.match(OURS) ?? [];
    if (word === undefined) return undefined;
    const whole = value.trim();
    const name = CAPTURE.exec(whole)?.[1];
    if (name !== undefined) this.captured.add(name);
    if (name !== undefined || whole === ANY) return undefined;
    const what =
      word === ANY || CAPTURE.test(word) ? 'can be a whole value only, not a part of one' : 'means nothing';
    return { word, what: `${word} ${what}; there are ${ANY} and {scansion:capture:NAME}` };
  }
}

function wrongStrictness(element: Element): Found | undefined {
  const value = element.attribute(STRICT);
  if (value !== undefined && !STRICTNESS.includes(value)) {
    return { word: STRICT, what: `${STRICT} is "true" or "false", not "${value}"`, element, value: STRICT };
  }
  return element.elements.map(wrongStrictness).find((wrong) => wrong !== undefined);
}

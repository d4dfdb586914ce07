import { didYouMean } from '../config/error.js';
import type { Element } from '../xml/index.js';
import { ANY, CAPTURE, STRICT } from './match.js';
import { ScriptError, type ScriptAction, type Character } from './script.js';
import { variablesIn, type VariableUse } from './variables.js';

/** An action, and the text that it was read from. */
export interface ParsedAction {
  readonly action: ScriptAction;
  /** Its lines, from that of the action on. */
  readonly source: readonly string[];
  /** The line of each element of the action. */
  readonly lines: ReadonlyMap<Element, number>;
}

/** `${…'s …}`, whatever is between the braces. */
const POSSESSIVE = /\$\{[^}]*'s [^}]*\}/g;
/** `{scansion:…}`, whatever is between the braces. */
const SCANSION_PLACEHOLDER = /\{scansion:[^}]*\}/g;
const STRICTNESS = ['true', 'false', '1', '0'];

/**
 * Checks all placeholders of a script before it is played: they must be known, and have a value when they are reached.
 *
 * @throws {ScriptError} for the first that is wrong
 */
export function checkPlaceholders(
  file: string,
  characters: readonly Character[],
  actions: readonly ParsedAction[],
): void {
  const checker = new PlaceholderChecker(characters);
  for (const one of actions) {
    const wrong = checker.wrongIn(one.action);
    if (wrong) throw new ScriptError(file, lineOf(wrong, one), wrong.what);
  }
}

interface Mistake {
  readonly placeholder: string;
  readonly what: string;
}

/** A mistake, and where it is. */
interface FoundMistake extends Mistake {
  readonly element: Element;
  /** The attribute value or text that the placeholder is in. */
  readonly value: string;
}

/** The line of a wrong placeholder, at or below the tag of its element. Quotes may be written as entities. */
function lineOf(
  { placeholder, value, element }: FoundMistake,
  { action, source, lines }: ParsedAction,
): number {
  const plain = (text: string): string => text.replaceAll('&apos;', "'").replaceAll('&quot;', '"');
  const words = value.split('\n').find((line) => line.includes(placeholder)) ?? placeholder;
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

class PlaceholderChecker {
  private readonly names: readonly string[];
  private readonly connected = new Set<string>();
  private readonly captured = new Set<string>();

  constructor(characters: readonly Character[]) {
    this.names = characters.map(({ name }) => name);
  }

  wrongIn(action: ScriptAction): FoundMistake | undefined {
    if (action.kind === 'connects') this.connected.add(action.who.name);
    if (action.kind === 'sends') return this.first(action.stanza, (value) => this.notSendable(value));
    if (action.kind !== 'receives') return undefined;
    return this.first(action.stanza, (value) => this.notExpectable(value)) ?? wrongStrictness(action.stanza);
  }

  private first(element: Element, look: (value: string) => Mistake | undefined): FoundMistake | undefined {
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

  private wrongVariable(value: string): Mistake | undefined {
    const uses = variablesIn(value);
    const strange = (value.match(POSSESSIVE) ?? []).find(
      (placeholder) => !uses.some(({ text }) => text === placeholder),
    );
    if (strange !== undefined) {
      return { placeholder: strange, what: `${strange}: a character has only "JID" and "full JID"` };
    }
    const wrong = uses.find((use) => this.wrongUse(use));
    return wrong && { placeholder: wrong.text, what: `${wrong.text}${this.wrongUse(wrong)}` };
  }

  private wrongUse({ name, full }: VariableUse): string | undefined {
    if (!this.names.includes(name)) return `: unknown client ${name}${didYouMean(name, this.names)}`;
    // A full address is known only after its character has connected.
    if (full && !this.connected.has(name)) return ` is not known yet: "${name} connects" must come first`;
    return undefined;
  }

  private notSendable(value: string): Mistake | undefined {
    for (const placeholder of value.match(SCANSION_PLACEHOLDER) ?? []) {
      const name = CAPTURE.exec(placeholder)?.[1];
      if (name !== undefined && !this.captured.has(name)) {
        return {
          placeholder,
          what: `${placeholder}: no earlier "receives" captures ${name}`,
        };
      }
    }
    return undefined;
  }

  private notExpectable(value: string): Mistake | undefined {
    const [placeholder] = value.match(SCANSION_PLACEHOLDER) ?? [];
    if (placeholder === undefined) return undefined;
    const whole = value.trim();
    const name = CAPTURE.exec(whole)?.[1];
    if (name !== undefined) this.captured.add(name);
    if (name !== undefined || whole === ANY) return undefined;
    const what =
      placeholder === ANY || CAPTURE.test(placeholder)
        ? 'must be a whole value, not a part of one'
        : 'is unknown';
    return { placeholder, what: `${placeholder} ${what}; use ${ANY} or {scansion:capture:NAME}` };
  }
}

function wrongStrictness(element: Element): FoundMistake | undefined {
  const value = element.attribute(STRICT);
  if (value !== undefined && !STRICTNESS.includes(value)) {
    return {
      placeholder: STRICT,
      what: `${STRICT} is "true" or "false", not "${value}"`,
      element,
      value: STRICT,
    };
  }
  return element.elements.map(wrongStrictness).find((wrong) => wrong !== undefined);
}

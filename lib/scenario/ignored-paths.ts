import type { Element } from '../xml/index.js';
import { isDeclaration } from './variables.js';

interface Step {
  readonly namespace: string | undefined;
  /** `*`: any name. */
  readonly name: string;
  /** The value that an attribute must have; empty: the attribute is absent. */
  readonly condition: { readonly attribute: string; readonly value: string } | undefined;
}

/** A path of elements, or of an attribute, that a comparison ignores. */
export interface IgnoredPath {
  /** Does the path begin at the stanza, and not at any element? */
  readonly rooted: boolean;
  readonly steps: readonly Step[];
  /** Undefined: the elements themselves are ignored; `*`: all their attributes. */
  readonly attribute: string | undefined;
}

const STEP = /(?:\{([^}]*)\})?([^/{}[\]@\s]*)(?:\[@([^=\]\s]+)=([^\]]*)\])?(?:\/|$)/y;

/** In a condition: the full address of the receiver. */
const SELF = 'self';

const PATTERN = /^(\/?)((?:\{[^}]*\}|\[[^\]]*\]|[^@{}[\]])*?)(?:\/?@([^\s[\]]+))?$/;

/**
 * Reads `delay`, `iq/query/@ver`, `/presence`, `{urn:xmpp:sid:0}stanza-id`, `{jabber:x:delay}`, `@xml:lang`,
 * `iq[@type=error]/query`, `/presence[@from=self]`.
 *
 * @returns undefined for any other text
 */
export function parseIgnoredPath(text: string): IgnoredPath | undefined {
  const [, slash, path, attribute] = PATTERN.exec(text.trim()) ?? [];
  if (path === undefined || (path === '' && attribute === undefined)) return undefined;
  const steps = stepsOf(path);
  return steps && { rooted: slash !== '', steps, attribute };
}

function stepsOf(path: string): Step[] | undefined {
  const steps: Step[] = [];
  for (let at = 0; at < path.length; at = STEP.lastIndex) {
    STEP.lastIndex = at;
    const [found, namespace, name, attribute, value = ''] = STEP.exec(path) ?? [];
    if (!found || (namespace === undefined && name === '')) return undefined;
    const condition = attribute === undefined ? undefined : { attribute, value };
    steps.push({ namespace, name: name || '*', condition });
  }
  return steps;
}

/**
 * @param self the full address of the receiver
 * @returns a copy without the ignored parts; undefined where the whole stanza is ignored
 */
export function withoutIgnored(
  stanza: Element,
  ignored: readonly IgnoredPath[],
  self: string,
): Element | undefined {
  return ignored.length === 0 ? stanza : strip(stanza, [], ignored, self);
}

function strip(
  element: Element,
  above: readonly Element[],
  ignored: readonly IgnoredPath[],
  self: string,
): Element | undefined {
  const path = [...above, element];
  const about = ignored.filter((one) => applies(one, path, self));
  if (about.some(({ attribute }) => attribute === undefined)) return undefined;
  const copy = element.clone();
  for (const name of element.attributes.keys()) {
    const drop = about.some(({ attribute }) => attribute === name || attribute === '*');
    if (drop && !isDeclaration(name)) copy.set(name, undefined);
  }
  copy.children = element.children
    .map((child) => (typeof child === 'string' ? child : strip(child, path, ignored, self)))
    .filter((child) => child !== undefined);
  return copy;
}

function applies({ rooted, steps }: IgnoredPath, path: readonly Element[], self: string): boolean {
  if (steps.length > path.length || (rooted && steps.length !== path.length)) return false;
  return steps.every((step, at) => fits(step, path[path.length - steps.length + at], self));
}

function fits({ namespace, name, condition }: Step, element: Element, self: string): boolean {
  if (name !== '*' && name !== element.localName) return false;
  if (namespace !== undefined && namespace !== element.namespace) return false;
  if (!condition) return true;
  const wanted = condition.value === SELF ? self : condition.value;
  return (element.attribute(condition.attribute) ?? '') === wanted;
}

import type { Element } from '../xml/index.js';
import { isDeclaration } from './variables.js';

interface Step {
  readonly namespace: string | undefined;
  /** `*` for any. */
  readonly name: string;
}

/** What a comparison passes over: elements by their path, or an attribute of them. */
export interface Ignored {
  /** Does the path begin at the stanza? Else it may begin anywhere. */
  readonly rooted: boolean;
  readonly steps: readonly Step[];
  /** Undefined: the elements themselves; `*`: all their attributes. */
  readonly attribute: string | undefined;
}

const STEP = /(?:\{([^}]*)\})?([^/{}@\s]*)\/?/y;

/**
 * Reads `delay`, `iq/query/@ver`, `/presence`, `{urn:xmpp:sid:0}stanza-id`, `{jabber:x:delay}`, `@xml:lang`.
 *
 * @returns undefined for what is none of them
 */
export function parseIgnored(text: string): Ignored | undefined {
  const [, slash, path, attribute] = /^(\/?)((?:\{[^}]*\}|[^@{}])*?)(?:\/?@(\S+))?$/.exec(text.trim()) ?? [];
  if (path === undefined || (path === '' && attribute === undefined)) return undefined;
  const steps: Step[] = [];
  for (let at = 0; at < path.length; at = STEP.lastIndex) {
    STEP.lastIndex = at;
    const [found, namespace, name] = STEP.exec(path) ?? [];
    if (!found || (namespace === undefined && name === '')) return undefined;
    steps.push({ namespace, name: name || '*' });
  }
  return { rooted: slash !== '', steps, attribute };
}

/** @returns a stanza without what is ignored; undefined where that is all of it */
export function withoutIgnored(stanza: Element, ignored: readonly Ignored[]): Element | undefined {
  return ignored.length === 0 ? stanza : strip(stanza, [], ignored);
}

function strip(
  element: Element,
  above: readonly Element[],
  ignored: readonly Ignored[],
): Element | undefined {
  const path = [...above, element];
  const about = ignored.filter((one) => applies(one, path));
  if (about.some(({ attribute }) => attribute === undefined)) return undefined;
  const copy = element.clone();
  for (const name of element.attributes.keys()) {
    const drop = about.some(({ attribute }) => attribute === name || attribute === '*');
    if (drop && !isDeclaration(name)) copy.set(name, undefined);
  }
  copy.children = element.children
    .map((child) => (typeof child === 'string' ? child : strip(child, path, ignored)))
    .filter((child) => child !== undefined);
  return copy;
}

function applies({ rooted, steps }: Ignored, path: readonly Element[]): boolean {
  if (steps.length > path.length || (rooted && steps.length !== path.length)) return false;
  return steps.every(({ namespace, name }, at) => {
    const element = path[path.length - steps.length + at];
    return (
      (name === '*' || name === element.localName) &&
      (namespace === undefined || namespace === element.namespace)
    );
  });
}

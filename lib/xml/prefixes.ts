import { Element } from './element.js';

/** Says which attributes with a prefix of its own choice to leave out. */
export type Unwanted = (namespace: string, localName: string, isRoot: boolean) => boolean;

type Scope = ReadonlyMap<string, string>;

/** What is in force around and on an element; `xml` always stands for itself, and is never spelt otherwise. */
function scopeOf(element: Element, around: Scope): Scope {
  const declared = [...element.attributes].filter(
    ([name]) => name.startsWith('xmlns:') && name !== 'xmlns:xml',
  );
  if (declared.length === 0) return around;
  return new Map([...around, ...declared.map(([name, value]) => [name.slice(6), value] as const)]);
}

/** Attributes with a prefix, `xml:` apart: namespace, local name, value. */
function prefixed(element: Element, scope: Scope): [namespace: string, localName: string, value: string][] {
  const found: [string, string, string][] = [];
  for (const [name, value] of element.attributes) {
    const [prefix, localName] = name.split(':');
    const namespace = localName === undefined || prefix === 'xmlns' ? undefined : scope.get(prefix);
    if (namespace !== undefined) found.push([namespace, localName, value]);
  }
  return found;
}

/**
 * The same element in the plainest spelling: elements by default namespaces; a namespace that attributes need has one
 * prefix (`n0`, `n1`, …), declared on the root, and its elements have that prefix as well. For peers whose XML writers
 * lose track of anything else. [jabberd2 2.7.0 util/nad.c]
 *
 * @param unwanted attributes that are left out
 * @param outside the default namespace around the root
 */
export function respelt(root: Element, unwanted: Unwanted, outside: string): Element {
  return new Speller(root, unwanted).spell(root, new Map(), outside);
}

class Speller {
  /** By namespace. */
  private readonly prefixes = new Map<string, string>();

  constructor(
    private readonly root: Element,
    private readonly unwanted: Unwanted,
  ) {
    this.find(root, new Map());
  }

  /** @param standard the default namespace around the element as it will be written, where that can be relied on */
  spell(element: Element, around: Scope, standard: string | undefined): Element {
    const scope = scopeOf(element, around);
    const prefix = this.prefixes.get(element.namespace);
    const spelt = new Element(prefix ? `${prefix}:${element.localName}` : element.localName);
    if (!prefix && element.namespace !== standard) spelt.set('xmlns', element.namespace);
    if (element === this.root) this.declare(spelt);
    for (const [name, value] of element.attributes) if (isPlain(name)) spelt.set(name, value);
    for (const [namespace, localName, value] of this.wanted(element, scope)) {
      spelt.set(`${this.prefixes.get(namespace)}:${localName}`, value);
    }
    // Such a writer declares on an element with a prefix whatever stood beside the prefix, a default namespace too.
    const inside = prefix ? undefined : element.namespace;
    spelt.children = element.children.map((child) =>
      typeof child === 'string' ? child : this.spell(child, scope, inside),
    );
    return spelt;
  }

  private find(element: Element, around: Scope): void {
    const scope = scopeOf(element, around);
    for (const [namespace] of this.wanted(element, scope)) {
      if (!this.prefixes.has(namespace)) this.prefixes.set(namespace, `n${this.prefixes.size}`);
    }
    for (const child of element.elements) this.find(child, scope);
  }

  private declare(root: Element): void {
    for (const [namespace, prefix] of this.prefixes) root.set(`xmlns:${prefix}`, namespace);
  }

  private wanted(element: Element, scope: Scope): ReturnType<typeof prefixed> {
    return prefixed(element, scope).filter(
      ([namespace, localName]) => !this.unwanted(namespace, localName, element === this.root),
    );
  }
}

function isPlain(name: string): boolean {
  return name.includes(':') ? name.startsWith('xml:') : name !== 'xmlns';
}

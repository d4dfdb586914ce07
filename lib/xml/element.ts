import { escape, escapeValue } from './escape.js';

/** What an element holds: elements and text. */
export type Node = Element | string;

/** Attribute values by name as written; `undefined` leaves the attribute out. */
export type AttributeValues = Record<string, string | undefined>;

const NO_VALUES: AttributeValues = Object.freeze({});
/** Elements without attributes share one empty map: a stanza may hold tens of thousands of them. */
const NO_ATTRIBUTES: ReadonlyMap<string, string> = new Map();

/**
 * An XML element as a tree. Made for what has to be looked into (logins, errors, the embedded session
 * manager); what is only relayed stays a {@link Stanza}.
 */
export class Element {
  private own: Map<string, string> | undefined;
  /** Namespace the element is in: its own, its prefix's, or the one around it. Empty where none is known. */
  namespace = '';

  /** @param name as written on the wire, prefix included */
  constructor(
    readonly name: string,
    attributes: AttributeValues | Map<string, string> = NO_VALUES,
    public children: Node[] = [],
  ) {
    this.own = attributes instanceof Map ? attributes : fromValues(attributes);
    this.namespace = this.own?.get('xmlns') ?? '';
    for (const child of children) this.adopt(child);
  }

  /** By name as written, in the order they were set; {@link set} changes them. */
  get attributes(): ReadonlyMap<string, string> {
    return this.own ?? NO_ATTRIBUTES;
  }

  /** The name without its prefix. */
  get localName(): string {
    return this.name.slice(this.name.indexOf(':') + 1);
  }

  attribute(name: string): string | undefined {
    return this.own?.get(name);
  }

  /** Sets an attribute, or removes it when the value is undefined. */
  set(name: string, value: string | undefined): this {
    if (value === undefined) this.own?.delete(name);
    else (this.own ??= new Map()).set(name, value);
    return this;
  }

  append(...nodes: Node[]): this {
    for (const node of nodes) {
      this.adopt(node);
      this.children.push(node);
    }
    return this;
  }

  get elements(): Element[] {
    return this.children.filter((child): child is Element => child instanceof Element);
  }

  /** The first child of that local name and, where one is given, that namespace. */
  child(localName: string, namespace?: string): Element | undefined {
    for (const child of this.children) {
      if (typeof child === 'string' || child.localName !== localName) continue;
      if (namespace === undefined || child.namespace === namespace) return child;
    }
    return undefined;
  }

  /** All text directly inside, joined. */
  get text(): string {
    let text = '';
    for (const child of this.children) if (typeof child === 'string') text += child;
    return text;
  }

  /** Text of the first child of that local name; undefined where there is no such child. */
  childText(localName: string): string | undefined {
    return this.child(localName)?.text;
  }

  /** A deep copy: trees are handed to several receivers, and each may write its own addressing on it. */
  clone(): Element {
    const copy = new Element(
      this.name,
      this.own ? new Map(this.own) : NO_VALUES,
      this.children.map((child) => (typeof child === 'string' ? child : child.clone())),
    );
    copy.namespace = this.namespace;
    return copy;
  }

  /** The element as XML text, attributes in the order they were set, in single quotes. */
  toString(): string {
    let source = `<${this.name}`;
    for (const [name, value] of this.attributes) source += ` ${name}='${escapeValue(value)}'`;
    if (this.children.length === 0) return `${source}/>`;
    source += '>';
    for (const child of this.children) source += typeof child === 'string' ? escape(child) : child.toString();
    return `${source}</${this.name}>`;
  }

  /** A child built without a namespace of its own is in the namespace around it. */
  private adopt(node: Node): void {
    if (typeof node === 'string' || node.namespace !== '' || this.namespace === '') return;
    if (node.attributes.has('xmlns') || node.name.includes(':')) return;
    node.namespace = this.namespace;
    for (const child of node.children) node.adopt(child);
  }
}

function fromValues(values: AttributeValues): Map<string, string> | undefined {
  if (values === NO_VALUES) return undefined;
  const attributes = new Map<string, string>();
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) attributes.set(name, value);
  }
  return attributes;
}

/** Short for `new Element(...)`: `element('iq', { type: 'result' }, element('query', …), 'text')`. */
export function element(name: string, attributes: AttributeValues = NO_VALUES, ...children: Node[]): Element {
  return new Element(name, attributes, children);
}

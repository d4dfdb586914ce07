import { escape, escapeValue } from './escape.js';

/** What an element holds: elements and text. */
export type Node = Element | string;

/** Attribute values by name as written; `undefined` leaves the attribute out. */
export type AttributeValues = Record<string, string | undefined>;

const NO_VALUES: AttributeValues = Object.freeze({});
/** Elements without attributes share one empty map: a stanza may hold tens of thousands of them. */
const NO_ATTRIBUTES: ReadonlyMap<string, string> = new Map();

/** The inside of an element as it came, well-formed, before anybody has looked at it. */
export interface Content {
  readonly source: string;
  nodes(): Node[];
  /** The same, where it is in that namespace if nothing in it says otherwise. */
  within(namespace: string): Content;
}

/**
 * An XML element as a tree. Made for what has to be looked into (logins, errors, the embedded session
 * manager); what is only relayed stays a {@link Stanza}.
 */
export class Element {
  private own: Map<string, string> | undefined;
  /** Namespace the element is in: its own, its prefix's, or the one around it. Empty where none is known. */
  namespace = '';
  /** What it holds first, for as long as nobody looks into it. The nodes stand behind it. */
  private content: Content | undefined;
  private nodes: Node[];

  /** @param name as written on the wire, prefix included */
  constructor(
    readonly name: string,
    attributes: AttributeValues | Map<string, string> = NO_VALUES,
    children: Node[] = [],
  ) {
    this.own = attributes instanceof Map ? attributes : fromValues(attributes);
    this.namespace = this.own?.get('xmlns') ?? '';
    this.nodes = children;
    for (const child of children) this.adopt(child);
  }

  get children(): Node[] {
    if (this.content) {
      const nodes = this.content.nodes();
      this.nodes = this.nodes.length === 0 ? nodes : nodes.concat(this.nodes);
      this.content = undefined;
    }
    return this.nodes;
  }

  set children(nodes: Node[]) {
    this.content = undefined;
    this.nodes = nodes;
  }

  /** Puts content into an element that is empty; it is looked at when somebody asks for what is in it. */
  fill(content: Content): void {
    this.content = content;
  }

  /** May an element of that local name be inside? Of content that nobody has looked at, it is said without a look. */
  mayHold(localName: string): boolean {
    if (this.content?.source.includes(localName)) return true;
    return this.nodes.some(
      (node) => typeof node !== 'string' && (node.localName === localName || node.mayHold(localName)),
    );
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
      this.nodes.push(node);
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
    return this.copy(this.nodes.map((child) => (typeof child === 'string' ? child : child.clone())));
  }

  /** A copy with an opening tag of its own, around the same children: for who changes nothing but the tag. */
  reopened(): Element {
    return this.copy([...this.nodes]);
  }

  /**
   * The element as XML text, attributes in the order they were set, in single quotes.
   *
   * @param stamp attributes to append, each with a space before it, values escaped
   */
  toString(stamp = ''): string {
    let source = `<${this.name}`;
    for (const [name, value] of this.attributes) source += ` ${name}='${escapeValue(value)}'`;
    source += stamp;
    if (!this.content && this.nodes.length === 0) return `${source}/>`;
    source += '>';
    if (this.content) source += this.content.source;
    for (const child of this.nodes) source += typeof child === 'string' ? escape(child) : child.toString();
    return `${source}</${this.name}>`;
  }

  private copy(nodes: Node[]): Element {
    const copy = new Element(this.name, this.own ? new Map(this.own) : NO_VALUES);
    copy.namespace = this.namespace;
    copy.content = this.content;
    copy.nodes = nodes;
    return copy;
  }

  /** A child built without a namespace of its own is in the namespace around it. */
  private adopt(node: Node): void {
    if (typeof node === 'string' || node.namespace !== '' || this.namespace === '') return;
    if (node.attributes.has('xmlns') || node.name.includes(':')) return;
    node.namespace = this.namespace;
    node.content = node.content?.within(this.namespace);
    for (const child of node.nodes) node.adopt(child);
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

/**
 * Declares on an element the prefixes that are declared on its parent, so that it can be taken out of there.
 *
 * @returns the element, changed
 */
export function withDeclarationsOf(parent: Element, child: Element): Element {
  for (const [name, value] of parent.attributes) {
    if (name.startsWith('xmlns:') && !child.attributes.has(name)) child.set(name, value);
  }
  return child;
}

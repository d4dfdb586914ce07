/**
 * XML as a reader sees it that knows namespaces, and attributes in the order of the wire as one sees them that does not.
 * Made apart from lib/xml, so that it can be its judge.
 */
import { unescape } from '../../lib/xml/index.js';

export const COMP = 'http://jabberd.jabberstudio.org/ns/component/1.0';
export const SESS = 'http://jabberd.jabberstudio.org/ns/session/1.0';
export const CLIENT = 'jabber:client';
const STREAMS = 'http://etherx.jabber.org/streams';

/** Prefix (empty: the default) to namespace. */
export type Scope = ReadonlyMap<string, string>;

/** What stanzas on a stream to a client stand in. */
export const CLIENT_STREAM: Scope = new Map([
  ['', CLIENT],
  ['stream', STREAMS],
]);

export interface Attribute {
  /** As written. */
  readonly name: string;
  readonly namespace: string;
  readonly local: string;
  readonly value: string;
}

export class Node {
  readonly children: (Node | string)[] = [];

  constructor(
    readonly name: string,
    readonly namespace: string,
    /** In the order of the wire, declarations among them. */
    readonly attributes: readonly Attribute[],
  ) {}

  get local(): string {
    return this.name.slice(this.name.indexOf(':') + 1);
  }

  /** The value of an attribute; without a namespace, of one without a prefix. */
  attribute(local: string, namespace = ''): string | undefined {
    return this.attributes.find((one) => one.local === local && one.namespace === namespace)?.value;
  }

  get elements(): Node[] {
    return this.children.filter((child): child is Node => child instanceof Node);
  }

  child(local: string, namespace?: string): Node | undefined {
    return this.elements.find(
      (child) => child.local === local && (namespace === undefined || child.namespace === namespace),
    );
  }

  get text(): string {
    return this.children.filter((child): child is string => typeof child === 'string').join('');
  }

  /** The same for XML that means the same: no prefixes, attributes in the order of their names. */
  canonical(): string {
    const attributes = this.attributes
      .filter(({ name }) => !isDeclaration(name))
      .map(({ namespace, local, value }) => ` {${namespace}}${local}=${JSON.stringify(value)}`)
      .sort();
    const children = this.children.map((child) => (typeof child === 'string' ? child : child.canonical()));
    return `<{${this.namespace}}${this.local}${attributes.join('')}>${children.join('')}</>`;
  }

  /** The same element without some of its attributes. */
  without(drop: (attribute: Attribute) => boolean): Node {
    const kept = new Node(
      this.name,
      this.namespace,
      this.attributes.filter((attribute) => !drop(attribute)),
    );
    kept.children.push(...this.children);
    return kept;
  }
}

export function isDeclaration(name: string): boolean {
  return name === 'xmlns' || name.startsWith('xmlns:');
}

const TOKEN = /<!\[CDATA\[([^]*?)\]\]>|<(\/?)([^\s/>]+)((?:[^>'"]|'[^']*'|"[^"]*")*?)(\/?)>|[^<]+/g;
const ATTRIBUTE = /\s+([^\s=]+)\s*=\s*(?:'([^']*)'|"([^"]*)")/gy;

/**
 * Reads one element.
 *
 * @param around what is declared outside of it
 * @throws Error where a prefix is not declared, or an attribute is given twice: by its name, or by its namespace
 */
export function readXml(source: string, around: Scope = new Map()): Node {
  const open: { node: Node; scope: Scope }[] = [];
  let root: Node | undefined;
  for (const [token, section, end, name, attributes, empty] of source.matchAll(TOKEN)) {
    const parent = open.at(-1);
    if (name === undefined) parent?.node.children.push(textOf(token, section));
    else if (end === '/') open.pop();
    else {
      const outer = parent?.scope ?? around;
      const scope = declared(attributes, outer);
      const node = new Node(name, resolve(name, scope, true), attributesOf(attributes, scope));
      if (parent) parent.node.children.push(node);
      else root ??= node;
      if (empty !== '/') open.push({ node, scope });
    }
  }
  if (!root || open.length > 0) throw new Error(`this is no element: ${source}`);
  return root;
}

/** Line ends are one character, whatever they are made of; references are not looked into for them. [XML 1.0 2.11] */
function textOf(token: string, section: string | undefined): string {
  const normal = (section ?? token).replace(/\r\n?/g, '\n');
  return section === undefined ? unescape(normal) : normal;
}

/** The names and values of an opening tag, as they stand there. */
function pairs(attributes: string): [name: string, value: string][] {
  return [...attributes.matchAll(ATTRIBUTE)].map(([, name, single, double]) => [
    name,
    unescape((single ?? double).replace(/[\t\r\n]/g, ' ')),
  ]);
}

function declared(attributes: string, outer: Scope): Scope {
  const declarations = pairs(attributes).filter(([name]) => isDeclaration(name));
  return new Map([...outer, ...declarations.map(([name, value]) => [name.slice(6), value] as const)]);
}

function attributesOf(source: string, scope: Scope): Attribute[] {
  const names = new Set<string>();
  return pairs(source).map(([name, value]) => {
    const namespace = isDeclaration(name) ? 'xmlns' : resolve(name, scope, false);
    const local = name.slice(name.indexOf(':') + 1);
    for (const one of [name, `{${namespace}}${name === 'xmlns' ? ':' : local}`]) {
      if (names.has(one)) throw new Error(`${one} is given twice: ${source}`);
      names.add(one);
    }
    return { name, namespace, local, value };
  });
}

function resolve(name: string, scope: Scope, isElement: boolean): string {
  const colon = name.indexOf(':');
  if (colon < 0) return isElement ? (scope.get('') ?? '') : '';
  const prefix = name.slice(0, colon);
  const namespace = prefix === 'xml' ? 'http://www.w3.org/XML/1998/namespace' : scope.get(prefix);
  if (namespace === undefined) throw new Error(`the prefix of ${name} is not declared`);
  return namespace;
}

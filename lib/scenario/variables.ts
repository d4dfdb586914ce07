import { Element } from '../xml/index.js';

/** `${Juliet's phone's full JID}`; other texts in such braces are not changed. */
const VARIABLE = /\$\{([^}]+?)'s (full JID|JID)\}/g;

/** A variable in a text. */
export interface VariableUse {
  /** As written: `${Romeo's JID}`. */
  readonly text: string;
  readonly name: string;
  readonly full: boolean;
}

/** The variables in a text, in order. */
export function variablesIn(text: string): VariableUse[] {
  return [...text.matchAll(VARIABLE)].map(([found, name, form]) => ({
    text: found,
    name,
    full: form === 'full JID',
  }));
}

/** The text with each variable replaced. */
export function replaceVariables(text: string, value: (name: string, full: boolean) => string): string {
  if (!text.includes('${')) return text;
  return text.replace(VARIABLE, (_found, name: string, form: string) => value(name, form === 'full JID'));
}

/** Escapes the apostrophes of variables, so that variables can stand in single quotes. */
export function quotableVariables(xml: string): string {
  return xml.replace(/\$\{[^{}<>]*\}/g, (found) => found.replaceAll("'", '&apos;'));
}

/** All attribute values and texts of an element and its descendants. */
export function valuesOf(element: Element): string[] {
  const inside = element.children.flatMap((child) => (typeof child === 'string' ? [child] : valuesOf(child)));
  return [...element.attributes.values(), ...inside];
}

/** A copy with every attribute value and text replaced by `change`; namespaces stay as they are. */
export function mapValues(element: Element, change: (value: string) => string): Element {
  const attributes = [...element.attributes].map(([name, value]): [string, string] => [
    name,
    isDeclaration(name) ? value : change(value),
  ]);
  const children = element.children.map((child) =>
    typeof child === 'string' ? change(child) : mapValues(child, change),
  );
  const copy = new Element(element.name, new Map(attributes), children);
  copy.namespace = element.namespace;
  return copy;
}

/** Is it `xmlns` or `xmlns:prefix`? */
export function isDeclaration(attribute: string): boolean {
  return attribute === 'xmlns' || attribute.startsWith('xmlns:');
}

import { expect } from 'chai';
import { parse, type Element } from '../../lib/xml/index.js';

/** The element with the attributes of each tag in order of their names: equal text means equal XML. */
function ordered(element: Element): string {
  const attributes = [...element.attributes].sort(([one], [other]) => (one < other ? -1 : 1));
  const tag = `<${element.name}${attributes.map(([name, value]) => ` ${name}=${JSON.stringify(value)}`).join('')}>`;
  const children = element.children.map((child) => (typeof child === 'string' ? child : ordered(child)));
  return `${tag}${children.join('')}</${element.name}>`;
}

/** Compares XML as XML: order of attributes, quotes and references make no difference. */
export function expectSame(actual: string, expected: string): void {
  expect(ordered(parse(actual))).to.equal(ordered(parse(expected)));
}

import { element, type Element } from '../xml/index.js';

/** What is wrong before login, in the words of jabberd 1.1.2. */
export const REFUSALS = {
  badRequest: ['400', 'Bad Request'],
  unauthorized: ['401', 'Unauthorized'],
  noResource: ['401', 'Unauthorized'],
  notAllowed: ['405', 'Not Allowed'],
  notAcceptable: ['406', 'Not Acceptable'],
  nameTaken: ['409', 'Username Not Available'],
  noCredentials: ['500', 'Internal Server Error'],
  noStreamId: ['500', 'Internal Server Error'],
  internal: ['500', 'Internal Server Error'],
} as const;

export type LegacyRefusal = keyof typeof REFUSALS;

/** Code and text of each refusal. */
export type Refusals = Readonly<Record<LegacyRefusal, readonly [code: string, text: string]>>;

export function legacyError(refusals: Refusals, refusal: LegacyRefusal): Element {
  const [code, text] = refusals[refusal];
  return element('error', { code }, text);
}

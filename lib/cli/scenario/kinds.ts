/** Kinds of values of the options of `scenario`. */
import type { Kind, ListKind } from '../../config/kinds.js';
import type { MappedAccount } from '../../scenario/account-mapping.js';
import { parseIgnoredPath, type IgnoredPath } from '../../scenario/ignored-paths.js';

/** A duration; the value is in milliseconds. */
export const seconds: Kind<number> = {
  metavar: 'SECONDS',
  expected: 'a number of seconds, more than 0 and at most 3600',
  json: ['number', 'string'],
  parse: (text) => {
    const value = /^\d{1,5}(?:\.\d{1,3})?$/.test(text) ? Number(text) : 0;
    return value > 0 && value <= 3600 ? value * 1000 : undefined;
  },
};

/** A domain of scripts (`localhost` where none is named), and the domain of the server that replaces it. */
export const domainPairs: ListKind<readonly [from: string, to: string]> = {
  metavar: '[OLD=]DOMAIN',
  expected: 'DOMAIN, or OLD=DOMAIN',
  json: ['string'],
  list: true,
  parse: (text) => {
    const [, from = 'localhost', to] = /^(?:([A-Za-z0-9._-]+)=)?([A-Za-z0-9._-]+)$/.exec(text) ?? [];
    return to === undefined ? undefined : [from, to];
  },
};

/** An account of scripts, and the account of the server that replaces it. */
export const accounts: ListKind<MappedAccount> = {
  metavar: 'USER[=OTHER]:PASSWORD',
  expected: 'USER:PASSWORD or USER=OTHER:PASSWORD',
  json: ['string'],
  list: true,
  parse: (text) => {
    const [, name, other, password] = /^([^:=\s]+)(?:=([^:=@\s]+))?:([^]+)$/.exec(text) ?? [];
    return name === undefined ? undefined : { as: name, user: other ?? name.split('@')[0], password };
  },
};

/** Tags, several of them separated by commas. */
export const tags: ListKind<readonly string[]> = {
  metavar: 'TAG',
  expected: 'tags, separated by commas',
  json: ['string'],
  list: true,
  parse: (text) => text.split(',').map((tag) => tag.trim()),
};

/** A value of `--ignore`: all usual rules, none of them, all but one, or a path in stanzas. */
export type IgnoreRule = 'usual' | 'none' | { readonly without: string } | IgnoredPath;

export const ignoreRules: ListKind<IgnoreRule> = {
  metavar: 'PATH|usual|none|!RULE',
  expected: 'usual, none, !RULE, or a path like delay, iq/query/@ver or {namespace}name',
  json: ['string'],
  list: true,
  parse: (text) => {
    if (text === 'usual' || text === 'none') return text;
    return text.startsWith('!') ? { without: text.slice(1) } : parseIgnoredPath(text);
  },
};

import type { Character } from './script.js';

/** An account on the server, as a character of a script uses it. */
export interface ScriptAccount {
  readonly user: string;
  readonly domain: string;
  readonly password: string;
  /** Was it given by `--account`? Then it is neither registered nor removed. */
  readonly isMapped: boolean;
}

/** The account of the server that replaces one of a script: `--account romeo:secret`, `--account romeo=alice:secret`. */
export interface MappedAccount {
  /** In the script, with or without a domain. */
  readonly as: string;
  /** On the server. */
  readonly user: string;
  readonly password: string;
}

const NO_WORD_BEFORE = '(?<![A-Za-z0-9_-])';
const NO_WORD_AFTER = '(?![A-Za-z0-9_-]|\\.[A-Za-z0-9])';

/** Replaces the accounts and domains of scripts by those of the server. */
export class AccountMapping {
  private readonly changes: (readonly [RegExp, string])[];
  private readonly changesBack: (readonly [RegExp, string])[];

  /** @param domains the domains of scripts, and those of the server that replace them */
  constructor(
    private readonly domains: ReadonlyMap<string, string> = new Map(),
    private readonly accounts: readonly MappedAccount[] = [],
  ) {
    const others = accounts.filter(({ as, user }) => as.split('@')[0] !== user);
    const user = (name: string, domain: string | undefined): RegExp => {
      const own = (domain === undefined ? ['localhost', ...domains.keys()] : [domain]).map(literal).join('|');
      return new RegExp(`(?<![\\w.@-])${literal(name)}(?=@(?:${own})${NO_WORD_AFTER})`, 'g');
    };
    const users = others.map((one): readonly [RegExp, string] => {
      const [name, domain] = one.as.split('@');
      return [user(name, domain), one.user];
    });
    const usersBack = others.map((one): readonly [RegExp, string] => {
      const [name, domain] = one.as.split('@');
      return [user(one.user, domain), name];
    });
    const hosts = [...domains].map(([from, to]): readonly [RegExp, string] => [
      new RegExp(NO_WORD_BEFORE + literal(from) + NO_WORD_AFTER, 'g'),
      to,
    ]);
    const hostsBack = [...domains].map(([from, to]): readonly [RegExp, string] => [
      new RegExp(NO_WORD_BEFORE + literal(to) + NO_WORD_AFTER, 'g'),
      from,
    ]);
    this.changes = [...users, ...hosts];
    this.changesBack = [...hostsBack, ...usersBack];
  }

  /** A text of a script with the names of the server. */
  text(value: string): string {
    return this.changes.reduce((text, [from, to]) => text.replace(from, () => to), value);
  }

  /** A text of the server with the names of the script, so that two servers can be compared. */
  original(value: string): string {
    return this.changesBack.reduce((text, [from, to]) => text.replace(from, () => to), value);
  }

  /** @returns undefined where neither the script nor `--account` has a password */
  account({ user, domain, password }: Character): ScriptAccount | undefined {
    const given = this.accounts.find(({ as }) => as === user || as === `${user}@${domain}`);
    const host = this.domains.get(domain) ?? domain;
    if (given) return { user: given.user, domain: host, password: given.password, isMapped: true };
    return password === undefined ? undefined : { user, domain: host, password, isMapped: false };
  }
}

const literal = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** `romeo@localhost`. */
export const bareJidOf = ({ user, domain }: ScriptAccount): string => `${user}@${domain}`;

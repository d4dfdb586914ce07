import type { ValueOf } from './option.js';
import type { COMPONENT_DIALECT_NAMES, OptionName, OPTIONS } from './options.js';

export type { Address, ClientRate, CredentialsSource, Network, PasswordType } from './kinds.js';
export type { DialectName } from './options.js';

/** Dialects of component streams. */
export type ComponentDialect = (typeof COMPONENT_DIALECT_NAMES)[number];

/**
 * The whole configuration of a run, checked and frozen. Each field is that of an option (see the table in options.ts,
 * and docs/options.md): `sm`, `logLevel`, and in sections `limits.depth`, `keepalive.idle`, `router.user`.
 */
export interface Config extends TopFields, Sections {}

/** What one client, or the link to the session manager, may use. */
export type Limits = Section<'limits'>;

/** What one address may do. */
export type AddressLimits = Section<'perAddress'>;

/** How the loss of a peer is detected; times in seconds. */
export type Keepalive = Section<'keepalive'>;

/** How clients are encrypted. */
export type TlsConfig = Section<'tls'>;

/**
 * How the clients of a listener are encrypted: `direct`, from their first byte on; by STARTTLS, which is `required` before
 * login, or `optional`; or `off`.
 */
export type ListenerTls = 'direct' | 'required' | 'optional' | 'off';

/** With jabberd2: our user at the router, and the encryption of the link to it. */
export type RouterConfig = Section<'router'>;

export type RouterTls = RouterConfig['tls'];

type Options = typeof OPTIONS;

/** The path of the field of an option; never, where it has none. */
type PathOf<Name extends OptionName> = Options[Name] extends { field: infer Path extends string }
  ? Path
  : never;

type FieldOf<O extends Options[OptionName]> = O extends { toField: infer Make }
  ? Make extends (value: ValueOf<O>, origin: string) => infer Field
    ? Field
    : never
  : ValueOf<O>;

/** Every field by its path. */
type Fields = { readonly [Name in OptionName as PathOf<Name>]: FieldOf<Options[Name]> };

type SectionName = keyof Fields extends infer Path
  ? Path extends `${infer Name}.${string}`
    ? Name
    : never
  : never;

type TopFields = { readonly [Path in Exclude<keyof Fields, `${string}.${string}`>]: Fields[Path] };

type Section<Name extends SectionName> = {
  readonly [Path in keyof Fields as Path extends `${Name}.${infer Field}` ? Field : never]: Fields[Path];
};

type Sections = { readonly [Name in SectionName]: Section<Name> };

import type { Argv, Options } from 'yargs';
import { didYouMean } from '../config/error.js';
import { argument, defaultText, readOption, helpText, type Option } from '../config/option.js';
import { GROUPS, isOptionName, NAMES, optionOf, takes, type OptionName } from '../config/options.js';
import { nameOf, UsageError, type Call, type Command, type CommandGroup } from './command.js';

/** Runs a command with the arguments that were read for it. */
type Perform = (command: Command, call: Call) => Promise<void>;

/** A command, and where it stands among the others. */
interface Place {
  readonly command: Command;
  /** The group that it is an action of. */
  readonly group?: CommandGroup;
  /** The commands or actions that can be called in its place, itself among them. */
  readonly others: readonly (Command | CommandGroup)[];
}

/** Adds commands and groups to a parser: their words, options and help. */
export function addCommands(
  parser: Argv,
  commands: readonly (Command | CommandGroup)[],
  perform: Perform,
): void {
  for (const one of commands) {
    if ('actions' in one) addGroup(parser, one, perform);
    else addCommand(parser, { command: one, others: commands }, perform);
  }
}

function addCommand(parser: Argv, place: Place, perform: Perform): void {
  const { command } = place;
  parser.command(
    command.usage,
    command.help,
    (builder) => build(builder, command),
    (argv) => perform(command, read(place, argv)),
  );
}

function addGroup(parser: Argv, group: CommandGroup, perform: Perform): void {
  const { name, help, actions } = group;
  const addActions = (builder: Argv): Argv => {
    for (const command of actions) addCommand(builder, { command, group, others: actions }, perform);
    // An option may come before the action; to find the action, yargs must know which options have no value.
    for (const [flag, { kind }] of actions.flatMap(({ own = {} }) => Object.entries(own)))
      if (kind.flag) builder.option(flag, { type: 'boolean', hidden: true, global: false });
    return builder;
  };
  parser.command(name, help, addActions, ({ _: [, word] }) => {
    const names = actions.map(nameOf);
    const wrong = word === undefined ? '' : `, not "${word}"${didYouMean(String(word), names)}`;
    throw new UsageError(`${name} takes ${names.join(', ')}${wrong}`);
  });
}

function build(builder: Argv, command: Command): Argv {
  for (const [name, { help }] of Object.entries(command.words ?? {}))
    builder.positional(name, { describe: help, type: 'string' });
  for (const [name, option] of Object.entries(command.own ?? {})) builder.option(name, asYargs(option));
  // Group by group: yargs shows groups in the order in which they are added.
  for (const group of GROUPS) {
    for (const name of configured(command))
      if (optionOf(name).group === group)
        builder.option(name, { ...asYargs(optionOf(name)), group: `${group}:` });
  }
  for (const [example, what] of command.examples ?? []) builder.example(example, what);
  return builder;
}

/** The options of the configuration that a command takes. */
function configured({ configured: rules }: Command): readonly OptionName[] {
  return rules === undefined ? [] : NAMES.filter((name) => takes(rules, name));
}

/** yargs reads all values as texts; the kinds in the tables of options parse them. */
function asYargs(option: Option): Options {
  const describe = helpText(option);
  if (option.kind.flag) return { describe, type: 'boolean' };
  return { describe, requiresArg: true, defaultDescription: defaultText(option) };
}

/** @throws {UsageError} for words and options that the command does not take */
function read(place: Place, argv: Record<string, unknown>): Call {
  const { command } = place;
  const [extra] = extraWords(place, (argv._ as unknown[]).map(String));
  if (extra !== undefined) throw new UsageError(unknownWord(place, extra));
  const table = { ...command.words, ...command.own };
  const options: Record<string, string[]> = {};
  const own: Record<string, readonly string[]> = {};
  for (const [name, value] of Object.entries(argv)) {
    if (name === '_' || name === '$0' || value === undefined) continue;
    const texts = (Array.isArray(value) ? value : [value]).map(String);
    if (Object.hasOwn(table, name)) own[name] = texts;
    else if (isOptionName(name) && configured(command).includes(name)) options[name] = texts;
    else throw new UsageError(unknownOption(place, name));
  }
  const values = Object.entries(table).map(([name, option]) => [
    name,
    valueOf(place, name, option, own[name]),
  ]);
  return { options, own: Object.fromEntries(values) as Call['own'] };
}

/** @param texts those of the command line; absent: the option is not there */
function valueOf(place: Place, name: string, option: Option, texts?: readonly string[]): unknown {
  if (texts === undefined && option.required)
    throw new UsageError(`${calledBy(place)} needs --${name} ${option.kind.metavar}`);
  const initial = typeof option.default === 'string' ? [option.default] : [];
  return readOption(option, argument(name, option, texts ?? initial));
}

/** The words that are left over after the name of the command and its action. */
function extraWords({ command, group }: Place, words: readonly string[]): readonly string[] {
  const isNamed = words[0] === nameOf(group ?? command);
  return isNamed ? words.slice(group ? 2 : 1) : words;
}

function unknownWord(place: Place, word: string): string {
  if (!isDefault(place.command)) return `${calledBy(place)} takes no argument "${word}"`;
  return `unknown command "${word}"${didYouMean(word, place.others.map(nameOf))}`;
}

const calledBy = ({ command, group }: Place): string =>
  group ? `${group.name} ${nameOf(command)}` : nameOf(command);

/** Is it the command that runs when none is named? */
const isDefault = ({ usage }: Command): boolean => [usage].flat().includes('$0');

function unknownOption(place: Place, name: string): string {
  const { command, group } = place;
  const written = name.length === 1 ? `-${name}` : `--${name}`;
  const owners = group?.actions.filter(({ own = {} }) => Object.hasOwn(own, name)) ?? [];
  if (owners.length > 0)
    return `${written} is an option of ${owners.map(nameOf).join(' and ')}, not of ${calledBy(place)}`;
  if (isOptionName(name)) return `${written} is not an option of the command ${calledBy(place)}`;
  const names = [...configured(command), ...Object.keys(command.own ?? {})];
  return `unknown option ${written}${didYouMean(name, names, (near) => `--${near}`)}`;
}

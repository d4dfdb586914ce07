import yargs, { type Argv, type Options } from 'yargs';
import { ConfigError, didYouMean } from '../config/error.js';
import { defaultText, summary } from '../config/option.js';
import { GROUPS, isOptionName, NAMES, optionOf, takes, type OptionName } from '../config/options.js';
import { checkConfig } from './check-config.js';
import { EXIT, UsageError, type Call, type Command } from './command.js';
import { probe } from './probe.js';
import { run } from './run.js';
import { scenario } from './scenario.js';
import { sessionManager } from './session-manager.js';
import { leave } from './service.js';
import { sessions } from './sessions.js';
import { endAtHangup } from './signals.js';
import { users } from './users.js';
import { version } from './version.js';

const COMMANDS: readonly Command[] = [run, sessionManager, users, sessions, probe, scenario, checkConfig];

/** Those that run until they are told to stop. */
const SERVICES: readonly Command[] = [run, sessionManager];

const EPILOGUE =
  'Each option is also an environment variable (SM_COMPONENT_LOG_LEVEL for --log-level; lists with commas) and a key ' +
  'of the JSON file that --config names. Arguments win over variables, variables over the file. ' +
  'Exit codes: 0 stopped, 2 bad usage or configuration, 1 anything else.';

/** Does what the arguments say, and tells failures on standard error. Never throws. @returns the exit code */
export async function main(args: readonly string[]): Promise<number> {
  // Whoever read our output may leave (`… | head`): that is no reason to stop.
  process.stdout.on('error', () => undefined);
  const started = new Set<Command>();
  const code = await dispatch(args, started).catch((error: unknown) => tell(error, args[0]));
  if (SERVICES.some((service) => started.has(service))) await leave(code);
  return code;
}

/** @param word the first argument: where it is a command, its help is the one to read */
function tell(error: unknown, word: string | undefined): number {
  const known = error instanceof Error && ['ConfigError', 'UsageError', 'Failure'].includes(error.name);
  console.error(known ? `sm-component: ${error.message}` : error);
  const usage = error instanceof ConfigError || error instanceof UsageError;
  const command = COMMANDS.some((one) => nameOf(one) === word) ? ` ${word}` : '';
  if (usage) console.error(`Help: sm-component${command} --help`);
  return usage ? EXIT.usage : EXIT.failed;
}

/** @param started gets the command that runs */
async function dispatch(args: readonly string[], started: Set<Command>): Promise<number> {
  let code: number = EXIT.stopped;
  const parser = yargs([...args])
    .scriptName('sm-component')
    .parserConfiguration({
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'greedy-arrays': false,
    })
    .version(version())
    .help()
    .locale('en')
    .updateStrings({ 'Not enough arguments following: %s': '--%s needs a value' })
    .strict(false)
    .exitProcess(false)
    .fail((message, error: Error | undefined) => {
      throw error && error.name !== 'YError' ? error : new UsageError(message || String(error?.message));
    })
    .epilogue(EPILOGUE)
    .wrap(Math.min(110, process.stdout.columns || 110));
  for (const command of COMMANDS)
    addCommand(parser, command, async (call) => {
      started.add(command);
      if (!SERVICES.includes(command)) endAtHangup();
      code = await command.run(call);
    });
  await parser.parseAsync();
  return code;
}

function addCommand(parser: Argv, command: Command, perform: (call: Call) => Promise<void>): void {
  parser.command(
    command.usage,
    command.help,
    (builder) => build(builder, command),
    (argv) => perform(read(command, argv)),
  );
}

function build(builder: Argv, command: Command): Argv {
  for (const [name, positional] of Object.entries(command.positionals ?? {}))
    builder.positional(name, positional);
  for (const [name, option] of Object.entries(command.options ?? {})) builder.option(name, option);
  // Each group by itself: yargs shows groups in the order in which it meets them.
  for (const group of GROUPS) {
    for (const name of configured(command))
      if (optionOf(name).group === group) builder.option(name, asYargs(name));
  }
  for (const [example, what] of command.examples ?? []) builder.example(example, what);
  return builder;
}

/** The options of the configuration that a command takes. */
function configured({ configured: of }: Command): readonly OptionName[] {
  return of === undefined ? [] : NAMES.filter((name) => takes(of, name));
}

/** Everything is a text to yargs; the table of options knows the rest. */
function asYargs(name: OptionName): Options {
  const option = optionOf(name);
  return {
    group: `${option.group}:`,
    describe: summary(option),
    requiresArg: true,
    defaultDescription: defaultText(option),
  };
}

function read(command: Command, argv: Record<string, unknown>): Call {
  const words = (argv._ as unknown[]).map(String);
  const more = words[0] === nameOf(command) ? words.slice(1) : words;
  if (more.length > 0) throw new UsageError(unknownWord(command, more[0]));
  const options: Record<string, string[]> = {};
  const own: Record<string, string | undefined> = {};
  const lists: Record<string, string[] | undefined> = {};
  for (const [name, value] of Object.entries(argv)) {
    if (name === '_' || name === '$0' || value === undefined) continue;
    const texts = (Array.isArray(value) ? value : [value]).map(String);
    if (isTaken(command, name)) options[name] = texts;
    else if (command.repeatable?.includes(name)) lists[name] = texts;
    else if (isOwn(command, name)) own[name] = once(name, texts);
    else throw new UsageError(unknownOption(command, name));
  }
  return { options, own, lists };
}

const isTaken = (command: Command, name: string): boolean =>
  isOptionName(name) && configured(command).includes(name);

const isOwn = (command: Command, name: string): boolean =>
  Object.hasOwn(command.options ?? {}, name) || Object.hasOwn(command.positionals ?? {}, name);

function once(name: string, texts: readonly string[]): string {
  if (texts.length === 1) return texts[0];
  throw new UsageError(`argument --${name} stands there ${texts.length} times; give it once`);
}

const nameOf = ({ usage }: Command): string => [usage].flat()[0].split(' ', 1)[0];

function unknownWord(command: Command, word: string): string {
  if (command !== run) return `${nameOf(command)} takes no "${word}"`;
  return `unknown command "${word}"${didYouMean(word, COMMANDS.map(nameOf))}`;
}

function unknownOption(command: Command, name: string): string {
  const written = name.length === 1 ? `-${name}` : `--${name}`;
  const names = [...configured(command), ...Object.keys(command.options ?? {})];
  if (isOptionName(name)) return `${written} is no option of the command ${nameOf(command)}`;
  return `unknown option ${written}${didYouMean(name, names, (near) => `--${near}`)}`;
}

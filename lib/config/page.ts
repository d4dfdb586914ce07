import { defaultText } from './option.js';
import {
  COMMANDS_WITH_OPTIONS,
  GROUPS,
  NAMES,
  optionOf,
  takes,
  variable,
  type OptionName,
} from './options.js';

const INTRODUCTION = `# Options

<!-- Made by \`npm run docs\` from lib/config/options.ts; edit that table, not this page. -->

Give an option as an argument (\`--log-level debug\`), as an environment variable (\`SM_COMPONENT_LOG_LEVEL=debug\`), or as a
key of the JSON file that \`--config FILE\` names (\`{ "log-level": "debug" }\`). Arguments override environment variables,
these override the file, and the file overrides the defaults. An empty environment variable counts as unset. Repeatable
options are lists: \`--listen 5222 --listen 5322\`, \`SM_COMPONENT_LISTEN=5222,5322\`, \`{ "listen": [5222, 5322] }\`.
Relative paths start from the current directory; in a file, from the directory of that file. An unknown or wrong option
stops the start, and the message names it. Variables that Kubernetes sets for a service called sm-component are ignored.
Files are UTF-8, with or without a byte order mark.
\`sm-component check-config\` shows each value and its source.
`;

/** The text of docs/options.md. A spec fails when the file has another one. */
export function optionsPage(): string {
  const groups = GROUPS.map((group) => {
    const names = NAMES.filter((name) => optionOf(name).group === group);
    return `\n## ${group}\n\n${names.map(entry).join('\n')}`;
  });
  return INTRODUCTION + groups.join('');
}

function entry(name: OptionName): string {
  const option = optionOf(name);
  const { kind, help, outsideFile, default: initial } = option;
  const shown = typeof initial === 'string' ? `\`${initial}\`` : (defaultText(option) ?? 'none');
  const lines = [
    `- **\`--${name} ${kind.metavar}\`** ${outsideFile ? '(not in a file) ' : ''}\`${variable(name)}\`  `,
    `  ${help}${kind.list ? ' Repeatable.' : ''}  `,
    `  ${capital(kind.expected)}. Default: ${shown}.${also(name)}`,
  ];
  return `${lines.join('\n')}\n`;
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function also(name: OptionName): string {
  const others = COMMANDS_WITH_OPTIONS.filter((command) => takes(command, name));
  return others.length > 0 ? ` Also of ${others.map((command) => `\`${command}\``).join(', ')}.` : '';
}

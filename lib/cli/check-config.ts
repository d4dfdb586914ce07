import { loadOptions, ignoredVariables, toConfig, withoutEffect } from '../config/load.js';
import { printOption } from '../config/option.js';
import { NAMES, optionOf, type OptionName } from '../config/options.js';
import { tooManyClients } from '../net/admission.js';
import { columns } from '../observe/columns.js';
import { command, EXIT } from './command.js';

export const checkConfig = command({
  usage: 'check-config',
  help: 'Check the configuration, and show each value and its source',
  configured: 'run',
  run({ options }) {
    const loaded = loadOptions({ command: 'run', args: options, env: process.env });
    const { limits } = toConfig(loaded);
    const { values, origins } = loaded;
    const rows = NAMES.map((name) => [name, shown(name, values[name]), origins.get(name) ?? '']);
    console.log(columns(rows).join('\n'));
    for (const remark of [withoutEffect(loaded), ignoredVariables(loaded), tooManyClients(limits.maxClients)])
      if (remark !== undefined) console.error(`sm-component: ${remark}`);
    return EXIT.stopped;
  },
});

function shown(name: OptionName, value: unknown): string {
  const option = optionOf(name);
  const text = printOption(option, value);
  return option.secret === true && text ? '***' : text || '-';
}

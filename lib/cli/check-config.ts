import { clientHosts } from '../client/clients.js';
import { loadOptions, ignoredVariables, toConfig, withoutEffect } from '../config/load.js';
import { printOption } from '../config/option.js';
import { NAMES, optionOf, type OptionName } from '../config/options.js';
import { tooManyClients } from '../net/admission.js';
import { certificateWarnings } from '../net/certificate-store.js';
import { endOf, hostNames, type ServerCertificate } from '../net/certificates.js';
import { TlsContexts } from '../net/tls-contexts.js';
import { columns } from '../observe/columns.js';
import { command, EXIT } from './command.js';

export const checkConfig = command({
  usage: 'check-config',
  help: 'Check the configuration, and show each value and its source',
  configured: 'run',
  run({ options }) {
    const loaded = loadOptions({ command: 'run', args: options, env: process.env });
    const config = toConfig(loaded);
    const { limits, tls } = config;
    const certificates = tls.certificates.length > 0 ? TlsContexts.read(tls) : undefined;
    const { values, origins } = loaded;
    const rows = NAMES.map((name) => [name, shown(name, values[name]), origins.get(name) ?? '']);
    console.log(columns([...rows, ...(certificates?.certificates ?? []).map(certificateRow)]).join('\n'));
    for (const remark of [
      withoutEffect(loaded),
      ignoredVariables(loaded),
      tooManyClients(limits.maxClients),
      ...(certificates ? certificateWarnings(certificates, clientHosts(config)) : []),
    ])
      if (remark !== undefined) console.error(`sm-component: ${remark}`);
    return EXIT.stopped;
  },
});

function certificateRow(certificate: ServerCertificate): string[] {
  const hosts = hostNames(certificate.leaf).join(', ');
  return ['(certificate)', hosts, `until ${endOf(certificate)}; ${certificate.file}`];
}

function shown(name: OptionName, value: unknown): string {
  const option = optionOf(name);
  const text = printOption(option, value);
  return option.secret === true && text ? '***' : text || '-';
}

import type { ComponentDialect, Config } from '../../config/config.js';
import { connection } from '../connect.js';
import type { LinkedUpstream, UpstreamServices } from '../upstream.js';
import { ComponentUpstream } from './upstream.js';

/** A jabberd 1.x, or the embedded session manager, behind a component stream. */
export function openComponent(
  dialect: ComponentDialect | 'auto',
  config: Config,
  services: UpstreamServices,
): LinkedUpstream {
  const { name, secret, domains, sm } = config;
  const options = {
    ...connection(config, services),
    name,
    secret,
    dialect,
    domain: domains[0] ?? 'localhost',
    fair: sm === undefined,
  };
  return new ComponentUpstream(options, services.log);
}

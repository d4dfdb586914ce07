import { isIP } from 'node:net';
import type { Config } from '../../config/config.js';
import { connection } from '../connect.js';
import type { LinkedUpstream, UpstreamServices } from '../upstream.js';
import { Jabberd2Upstream } from './upstream.js';

/** The session managers behind a router of jabberd2. */
export function openJabberd2(config: Config, services: UpstreamServices): LinkedUpstream {
  const { sm, name, secret, domains, router } = config;
  const { user, ca, tls: encryption } = router;
  const tls = { host: sm?.host, ca, rejectUnauthorized: ca !== undefined, servername: serverName(sm?.host) };
  const { hasCredentials, log } = services;
  return new Jabberd2Upstream(
    { ...connection(config, services), name, secret, user, tls, encryption, domains, hasCredentials },
    log,
  );
}

/** Server names of TLS are no addresses. [RFC6066 3] */
function serverName(host: string | undefined): string | undefined {
  return host === undefined || isIP(host) ? undefined : host;
}

import type { Config } from '../config/config.js';
import { openComponent } from './component/index.js';
import { openJabberd2 } from './jabberd2/index.js';
import type { LinkedUpstream, UpstreamServices } from './upstream.js';

export type { LinkedUpstream, LinkObserver, UpstreamServices } from './upstream.js';
export type { Finding } from './component/detection.js';

/** The session manager that a configuration names, not connected yet. A new dialect is one line here. */
export function openUpstream(config: Config, services: UpstreamServices): LinkedUpstream {
  switch (config.dialect) {
    case 'sto-sfrom':
    case 'route':
    case 'auto':
      return openComponent(config.dialect, config, services);
    case 'jabberd2':
      return openJabberd2(config, services);
  }
}

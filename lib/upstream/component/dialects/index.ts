import type { ComponentDialect } from '../../../config/config.js';
import type { Dialect } from './dialect.js';
import { route } from './route.js';
import { stoSfrom } from './sto-sfrom.js';

/** Every dialect of component streams, by the name it has on the command line. */
export const DIALECTS: Record<ComponentDialect, Dialect> = { 'sto-sfrom': stoSfrom, route };

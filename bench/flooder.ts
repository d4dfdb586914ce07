/** A process of its own for a flood, so that it does not slow down the measuring process. `flooder.js FLOOD HOST PORT DOMAIN TLS` */
import { FLOODS } from './floods.js';

const [name, host, port, domain, tls] = process.argv.slice(2);
// A client that the server disconnects has had its effect.
process.on('unhandledRejection', () => undefined);
process.on('disconnect', () => process.exit());
await FLOODS[name].run({ host, port: Number(port), domain, tls: tls === 'true' });
process.send?.('under way');

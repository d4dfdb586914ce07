/** A process that floods: what it reads and writes is not to slow down who measures. `flooder.js FLOOD HOST PORT DOMAIN` */
import { FLOODS } from './floods.js';

const [name, host, port, domain] = process.argv.slice(2);
// A client that is ended by the server has had its effect.
process.on('unhandledRejection', () => undefined);
process.on('disconnect', () => process.exit());
await FLOODS[name].run({ host, port: Number(port), domain });
process.send?.('under way');

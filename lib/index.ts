/** `import { SocketManager } from 'sm-component'`: the socket manager as a library. */
export { SocketManager, type SocketManagerEvents } from './server.js';
export type { ClientAddress, ClientInfo } from './client/clients.js';
export type { Address, Config } from './config/config.js';
export { ConfigError } from './config/error.js';
export { configure } from './config/load.js';
export type { SessionManagerOptions } from './embedded/context.js';
export { SessionManager } from './embedded/session-manager.js';
export { Store } from './embedded/store/store.js';
export { createLog, type Log } from './observe/log.js';
export type { CloseReason } from './session/close-reason.js';

import { isIP } from 'node:net';

/** The variables that a container gets for a service: the ends of their names, and which values they have. [kubelet envvars.go] [docker run --link] */
const FORMS: readonly (readonly [end: RegExp, isValue: (value: string) => boolean])[] = [
  [/_SERVICE_HOST$/, (value) => isIP(value) !== 0],
  [/_SERVICE_PORT(?:_[A-Z0-9_]+)?$/, isNumber],
  [/_PORT_\d+_(?:TCP|UDP|SCTP)_PORT$/, isNumber],
  [/_PORT_\d+_(?:TCP|UDP|SCTP)_ADDR$/, (value) => isIP(value) !== 0],
  [/_PORT_\d+_(?:TCP|UDP|SCTP)_PROTO$/, (value) => /^(?:tcp|udp|sctp)$/.test(value)],
  [/_PORT(?:_\d+_(?:TCP|UDP|SCTP))?$/, (value) => /^(?:tcp|udp|sctp):\/\//.test(value)],
];

/**
 * Is this an environment variable that Kubernetes sets in every container for a service (`sm-component`:
 * `SM_COMPONENT_SERVICE_HOST`, `SM_COMPONENT_PORT=tcp://…`, …)? Both the name and the value must match, so that a
 * misspelled variable of a person is not taken for one.
 */
export function isOfService(name: string, value: string): boolean {
  const form = FORMS.find(([end]) => end.test(name));
  return form !== undefined && form[1](value);
}

function isNumber(value: string): boolean {
  return /^\d{1,5}$/.test(value);
}

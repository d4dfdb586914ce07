import { element } from '../xml/index.js';
import type { StreamKind } from './header.js';
import { STREAM_ERRORS } from './namespaces.js';

/** Why a stream ends, for the peer: the condition of RFC 6120, and the text for streams without a version. */
export interface StreamError {
  /** A defined condition. [RFC6120 4.9.3] */
  readonly condition: string;
  /** The text that jabberd of the time used, if it used one. Streams without a version get only this. */
  readonly text: string;
  /** More about the error, where it is known. */
  readonly detail?: string;
}

/** `<stream:error/>` in the form of this kind of stream. The closing tag of the stream must follow. [RFC6120 4.9] */
export function writeStreamError(kind: StreamKind, { condition, text, detail }: StreamError): string {
  if (kind === 'legacy') return legacyStreamError(text);
  return element(
    'stream:error',
    {},
    element(condition, { xmlns: STREAM_ERRORS }),
    element('text', { xmlns: STREAM_ERRORS, 'xml:lang': 'en' }, detail ? `${text}: ${detail}` : text),
  ).toString();
}

/** `<stream:error/>` in its form before RFC 3920: a text. [jabberd 1.4 mio_xml, base_accept] */
export function legacyStreamError(text: string): string {
  return element('stream:error', {}, text).toString();
}

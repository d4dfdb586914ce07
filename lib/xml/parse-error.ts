/**
 * What can be wrong with a stream, by the name RFC 6120 gives the stream error [RFC6120 4.9.3].
 */
export type ParseErrorCondition =
  'not-well-formed' | 'bad-format' | 'restricted-xml' | 'unsupported-encoding' | 'policy-violation';

/** The one thing that was wrong with a stream. After a fault nothing more of that stream is read. */
export interface ParseError {
  readonly condition: ParseErrorCondition;
  /** One English sentence for the log and for the peer, without any text of the peer's. */
  readonly text: string;
}

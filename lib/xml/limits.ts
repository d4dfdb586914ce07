/** How much of one stanza a reader takes before it gives the stream up as a `policy-violation`. */
export interface StanzaLimits {
  /** Bytes of one stanza, tags and all. */
  readonly bytes: number;
  /** Elements inside each other, the stanza itself being 1. */
  readonly depth: number;
  /** Attributes of one element. */
  readonly attributes: number;
}

/** The largest depth and number of attributes that may be asked for: the scanner's work space has this size. */
export const MAX = { depth: 1000, attributes: 1000 } as const;

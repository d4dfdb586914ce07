/** Who logs in. */
export interface ClientCredentials {
  readonly user: string;
  readonly password: string;
  /** The domain that is logged in to. */
  readonly domain: string;
}

/**
 * The client's side of one login by a mechanism. Texts are those inside of the base64 that a stream carries. [RFC6120 6.4]
 *
 * @example send `initial`, then `respond(challenge)` for each challenge, then `finish(data)` with what the success holds
 */
export interface ClientMechanism {
  /** As servers offer it: `SCRAM-SHA-1`. */
  readonly name: string;
  /** What the client says first; undefined where the server speaks first. */
  readonly initial: string | undefined;
  /** @throws Error that says what is wrong with the challenge */
  respond(challenge: string): string;
  /**
   * @param data what came with the success; empty where nothing did
   * @throws Error where the server has not proved that it knows the password
   */
  finish(data: string): void;
}

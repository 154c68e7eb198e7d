// What lets somebody in: one token for each of three scopes, random and told apart by nothing else.
import { randomInt } from 'node:crypto';

export const scopes = ['work', 'watch', 'administer'] as const;
export type Scope = (typeof scopes)[number];
export type Tokens = Readonly<Record<Scope, string>>;

/** Small letters and figures that nobody takes for another: a double click selects all of a token. */
const alphabet = 'abcdefghijkmnpqrstuvwxyz23456789';
/** Of 5 bits each. */
const tokenLength = 26;

/** What a token may look like that somebody else drew: nothing that a link or a header would have to escape. */
export const tokenPattern = /^[\w-]{22,128}$/;

/** 130 random bits. */
export function drawToken(): string {
  const draw = (): string => alphabet[randomInt(alphabet.length)];
  return Array.from({ length: tokenLength }, draw).join('');
}

export function drawTokens(): Tokens {
  return { work: drawToken(), watch: drawToken(), administer: drawToken() };
}

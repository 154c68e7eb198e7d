// A part of its own, so that only pages without a secure context fetch it.
export { sha256 } from '@noble/hashes/sha2.js';

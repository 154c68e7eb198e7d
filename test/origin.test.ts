import { hostname } from 'node:os';
import { expect, it } from 'vitest';
import { isFromHere } from '../coordinator/origin.ts';

const machine = hostname().toLowerCase();

it.each<[string, string | undefined, string, boolean]>([
  ['no page', undefined, 'train.example:7070', true],
  ['a page from here', 'http://127.0.0.1:7070', '127.0.0.1:7070', true],
  ['a page from this address', 'http://192.168.1.5:7070', '192.168.1.5:7070', true],
  ['a page from this address of six', 'http://[::1]:7070', '[::1]:7070', true],
  ['a page behind TLS', 'https://10.0.0.5', '10.0.0.5', true],
  ['a page from localhost', 'http://localhost:7070', 'localhost:7070', true],
  ['a page from this machine', `http://${machine}:7070`, `${machine}:7070`, true],
  ['a page from this machine nearby', `http://${machine}.local`, `${machine}.local`, true],
  ['a page from where it listens', 'http://train.lab:7070', 'train.lab:7070', true],
  ['a page of another port', 'http://127.0.0.1:8080', '127.0.0.1:7070', false],
  ['a page of another site', 'https://evil.example', '127.0.0.1:7070', false],
  ['a name that points here', 'http://evil.example:7070', 'evil.example:7070', false],
  ['a name like an address', 'http://127.0.0.1.evil.example', '127.0.0.1.evil.example', false],
  ['a name like localhost', 'http://localhost.evil.example', 'localhost.evil.example', false],
  ['a page without an origin', 'null', '127.0.0.1:7070', false],
  ['a file', 'file://', '127.0.0.1:7070', false],
  ['nonsense', 'http://[', '127.0.0.1:7070', false],
])('%s at %s asks %s: %s', (_, origin, host, isWelcome) => {
  expect(isFromHere({ origin, host }, { host: 'train.lab' })).toBe(isWelcome);
});

const proxied = { host: '127.0.0.1', publicUrl: 'https://train.example.org' };
const secure = { host: '0.0.0.0', isSecure: true };

it.each<[string, typeof proxied | typeof secure, string, string, boolean]>([
  ['its public page', proxied, 'https://train.example.org', 'train.example.org', true],
  ['it through a proxy', proxied, 'https://train.example.org', '127.0.0.1:7070', true],
  ['its public name here', proxied, 'http://train.example.org:1', 'train.example.org:1', true],
  ['a neighbour of it', proxied, 'https://evil.example.org', 'train.example.org', false],
  ['a name that begins like it', proxied, 'https://train.example.org.evil', '127.0.0.1', false],
  ['another site at its host', proxied, 'https://evil.example', 'train.example.org', false],
  ['its secure page', secure, 'https://192.168.1.5:7070', '192.168.1.5:7070', true],
  ['its page without TLS', secure, 'http://192.168.1.5:7070', '192.168.1.5:7070', false],
])('a page of %s: %#', (_, own, origin, host, isWelcome) => {
  expect(isFromHere({ origin, host }, own)).toBe(isWelcome);
});

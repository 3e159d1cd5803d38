import { expect, it } from 'vitest'
import { parseViciUri, whyNoViciUri } from './uri.js'

it.each([
  ['unix:///run/charon.vici', { path: '/run/charon.vici' }],
  [`unix:///${'x'.repeat(106)}`, { path: `/${'x'.repeat(106)}` }],
  ['tcp://127.0.0.1:4502', { host: '127.0.0.1', port: 4502 }],
  ['tcp://[::1]:4502', { host: '::1', port: 4502 }],
  ['tcp://charon.example:1', { host: 'charon.example', port: 1 }],
])('%s', (uri, expected) => {
  expect(parseViciUri(uri)).toEqual(expected)
  expect(whyNoViciUri(uri)).toBeUndefined()
})

it.each([
  ['', /must be such as/],
  ['/run/charon.vici', /must be such as/],
  ['http://a:1', /must be such as/],
  ['UNIX:///run/charon.vici', /must be such as/],
  ['unix://charon.vici', /its path must be absolute/],
  ['unix:///', /its path must be absolute/],
  [`unix:///${'x'.repeat(107)}`, /its path must be at most 107 bytes/],
  ['unix:///a\0b', /null byte/],
  ['tcp://host', /must have a host and a port/],
  ['tcp://:4502', /must have a host and a port/],
  ['tcp://::1:4502', /must have a host and a port/],
  ['tcp://[1.2.3.4]:4502', /must have a host and a port/],
  ['tcp://user@host:4502', /must have a host and a port/],
  ['tcp://host:4502/', /must have a host and a port/],
  ['tcp://host:0', /its port must be 1 to 65535/],
  ['tcp://host:65536', /its port must be 1 to 65535/],
])('%j is refused, and the message says why', (uri, why) => {
  expect(whyNoViciUri(uri)).toMatch(why)
  expect(() => parseViciUri(uri)).toThrow(why)
  expect(() => parseViciUri(uri)).toThrow(expect.objectContaining({ code: 'INVALID_CONFIG' }))
})

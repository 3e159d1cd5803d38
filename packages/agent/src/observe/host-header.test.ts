import { describe, expect, test } from 'vitest'
import { namesThisHost } from './host-header.js'

describe('this host is named', () => {
  test.each([
    undefined,
    '10.0.0.5',
    '10.0.0.5:10256',
    '[fd77::1]:10256',
    '[::1]',
    'localhost',
    'LOCALHOST:80',
    'node1',
    'Node1.example.net:10256',
    'node1.example.net.',
  ])('by %s', (header) => {
    expect(namesThisHost(header, 'node1.example.net')).toBe(true)
  })

  test.each([
    '',
    'evil.example',
    '127.0.0.1.evil.example:10256',
    'localhost.evil.example',
    'node1.evil.example',
    'node10',
    '010.0.0.1',
    '::1:evil',
    'fd77::1]',
    'a@127.0.0.1',
    `${':1'.repeat(8_000)}x`,
  ])('not by %j', (header) => {
    expect(namesThisHost(header, 'node1.example.net')).toBe(false)
  })

  test('by no empty name, if it has none', () => {
    expect(namesThisHost('', '')).toBe(false)
    expect(namesThisHost(':80', '')).toBe(false)
  })
})

import { OverlayError } from '@selvedge/core'
import { describe, expect, test } from 'vitest'
import { createLogger, type LogLevel } from './logger.js'
import { Sanitizer } from './sanitizer.js'

function logger({ verbosity = 0, forTerminal = false, secret = '' } = {}) {
  const lines: string[] = []
  const sanitizer = new Sanitizer()
  sanitizer.addSecret(secret)
  const log = createLogger({
    verbosity,
    forTerminal,
    sanitizer,
    destination: { write: (line) => lines.push(line) },
  })
  return { log, lines }
}

test('a line is one JSON text: level, time in ms, message, fields', () => {
  const { log, lines } = logger()
  log('info', 'lease acquired', { subnet: '10.244.5.0/24', mtu: 1450 })
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatch(/\n$/)
  const { time, ...line } = JSON.parse(lines[0] ?? '')
  expect(line).toEqual({ level: 30, msg: 'lease acquired', subnet: '10.244.5.0/24', mtu: 1450 })
  expect(Math.abs(Date.now() - time)).toBeLessThan(10_000)
})

describe('-v', () => {
  const all: LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error']
  test.each([
    [0, ['info', 'warn', 'error']],
    [1, ['debug', 'info', 'warn', 'error']],
    [4, all],
    [10, all],
  ])('%d shows %j', (verbosity, shown) => {
    const { log, lines } = logger({ verbosity })
    for (const level of all) log(level, level)
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual(shown)
  })
})

test('fields that are not logged are not made', () => {
  const { log, lines } = logger()
  let made = 0
  const fields = () => {
    made += 1
    return { made }
  }
  log('debug', 'hidden', fields)
  log('info', 'shown', fields)
  expect(made).toBe(1)
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ msg: 'shown', made: 1 })
})

test.each([false, true])('a secret is in no line, for a terminal: %s', (forTerminal) => {
  const { log, lines } = logger({ forTerminal, secret: 'say "friend"' })
  log('error', 'refused: say "friend"', {
    error: new OverlayError('ACCESS_DENIED', 'user root, password say "friend"'),
    list: [{ password: 'say "friend"' }],
  })
  expect(lines.join('')).not.toContain('friend')
  expect(lines.join('')).toContain('[redacted]')
})

describe('for a terminal', () => {
  test('a line reads from left to right: when, how bad, what, and with what', () => {
    const { log, lines } = logger({ forTerminal: true })
    log('info', 'lease acquired', { subnet: '10.244.5.0/24', note: 'two words', list: [1] })
    expect(lines[0]).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} INFO {2}lease acquired {2}subnet=10\.244\.5\.0\/24 {2}note="two words" {2}list=\[1\]\n$/,
    )
  })

  test('warnings and errors stand out', () => {
    const { log, lines } = logger({ forTerminal: true })
    log('warn', 'a')
    log('error', 'b')
    expect(lines[0]).toContain('\x1b[33mWARN \x1b[39m a')
    expect(lines[1]).toContain('\x1b[31mERROR\x1b[39m b')
  })
})

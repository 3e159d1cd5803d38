import { isJsonObject } from '@selvedge/core/kit'

const LEVELS: Readonly<Record<number, string>> = {
  10: 'TRACE',
  20: 'DEBUG',
  30: 'INFO ',
  40: '\x1b[33mWARN \x1b[39m',
  50: '\x1b[31mERROR\x1b[39m',
}

/** A log line for reading at a terminal: `06:14:06.123 INFO  subnet.env written  file=/run/… mtu=1450`. */
export function terminalLine(json: string): string {
  const { level, time, msg, ...fields } = parse(json)
  const label = LEVELS[Number(level)] ?? String(level)
  const clock = new Date(Number(time)).toTimeString().slice(0, 8)
  const milliseconds = String(Number(time) % 1000).padStart(3, '0')
  const rest = Object.entries(fields).map(([name, value]) => `${name}=${shown(value)}`)
  return `${clock}.${milliseconds} ${label} ${[msg, ...rest].join('  ')}\n`
}

function parse(json: string): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(json)
  return isJsonObject(value) ? value : { msg: json }
}

function shown(value: unknown): string {
  if (typeof value === 'string') return /[\s"=]/.test(value) ? JSON.stringify(value) : value
  return JSON.stringify(value)
}

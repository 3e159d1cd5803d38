import { describe, expect, test } from 'vitest'
import { readCommandLine } from './command-line/command-line.js'
import { interfaceChoices } from './interface-choices.js'

describe('the interface to peers is looked for', () => {
  test.each<[string, string[], ReturnType<typeof interfaceChoices>]>([
    ['at the default route where nothing is said', [], []],
    ['by name and address, in order', ['--iface=eth1', '--iface=10.0.0.9'], ['eth1', '10.0.0.9']],
    [
      'by names, then patterns, then reach, in whatever order they are given',
      ['--iface-can-reach=10.0.0.1', '--iface-regex=^eth', '--iface=wg0', '--iface-regex=^en'],
      ['wg0', /^eth/u, /^en/u, { canReach: '10.0.0.1' }],
    ],
    [
      'by the public address that it bears',
      ['--public-ip=192.0.2.1', '--public-ipv6=fd00::1'],
      ['192.0.2.1'],
    ],
    ['by the public IPv6 address where there is no other', ['--public-ipv6=fd00::1'], ['fd00::1']],
    [
      'where it is said to be, whatever the public address',
      ['--public-ip=192.0.2.1', '--iface=eth1'],
      ['eth1'],
    ],
  ])('%s', (_, args, choices) => {
    const command = readCommandLine(args, {})
    expect(command.type === 'run' && interfaceChoices(command.settings)).toEqual(choices)
  })
})

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Facts } from '../facts/facts.js'
import { serviceFacts } from '../facts/services.js'
import { serviceChecks } from './services.js'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'doctor-'))
})
afterEach(() => rmSync(root, { recursive: true }))

function put(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}

/** What is found on a host on which only these run. */
async function findings(...programs: string[]) {
  const services = await serviceFacts(new Set(programs), root)
  return serviceChecks.flatMap(({ id, find }) =>
    find({ services } as unknown as Facts).map((each) => ({ id, ...each })),
  )
}

const persistent = '[Match]\nOriginalName=*\n[Link]\nMACAddressPolicy=persistent\n'

test.each([
  ['systemd-network', 'host.networkd', /ManageForeignRoutes/],
  ['NetworkManager', 'host.network-manager', /interface-name:flannel\*/],
  ['systemd-udevd', 'host.mac-policy', /MACAddressPolicy=persistent/],
])(
  '%s without an exception for ours is %s, and nothing once its remedy was run',
  async (program, id, says) => {
    put('usr/lib/systemd/network/99-default.link', persistent)
    const [found, ...others] = await findings(program)
    expect(others).toEqual([])
    expect(found).toMatchObject({ id, severity: 'warning', what: expect.stringMatching(says) })
    expect(await findings()).toEqual([])
    execFileSync('sh', ['-ec', found?.remedy.replaceAll('/etc/', `${root}/etc/`) ?? 'false'])
    expect(await findings(program)).toEqual([])
  },
)

test('the last file counts, and a policy of another kind is none', async () => {
  put('etc/systemd/networkd.conf.d/10.conf', '[Network]\nManageForeignRoutes=no\n')
  expect(await findings('systemd-network')).toEqual([])
  put('etc/systemd/networkd.conf.d/20.conf', '[Network]\nManageForeignRoutes = yes\n')
  expect(await findings('systemd-network')).toHaveLength(1)
  put('etc/systemd/networkd.conf.d/20.conf.off', '[Network]\nManageForeignRoutes=no\n')
  expect(await findings('systemd-network')).toHaveLength(1)
  put('usr/lib/systemd/network/99-default.link', '[Link]\nNamePolicy=keep kernel\n')
  expect(await findings('systemd-udevd')).toEqual([])
})

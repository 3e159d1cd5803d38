import { expect, test } from 'vitest'
import { fakeDemo } from './fake.js'
import { parseDemoOptions } from './options.js'
import { TextReport } from './report.js'

test.each([
  [
    'vxlan',
    [
      'dev flannel.1 proto 157 onlink',
      'PERMANENT',
      'FLANNEL_MTU=1450',
      'FLANNEL_IPMASQ=true',
      '-j MASQUERADE',
      'ip link delete flannel.1',
    ],
  ],
  [
    'ipip',
    ['flannel.ipip UP mtu 1480', 'dev flannel.ipip proto 157 onlink', 'FLANNEL_MTU=1480', 'ip route delete'],
  ],
  [
    'udp',
    ['flannel0 UP mtu 1472', '10.244.0.0/16 dev flannel0 proto 157', 'FLANNEL_MTU=1472', 'ip route delete'],
  ],
  ['host-gw', ['via 192.168.77.2 dev eth0 proto 157', 'FLANNEL_MTU=1500', 'ip route delete']],
])('shows without privileges what %s would program, and its repair', async (backend, expected) => {
  let output = ''
  const report = new TextReport((text) => {
    output += text
  })
  const options = parseDemoOptions(['--fake', '--hosts', '2', '--backend', backend])
  expect(await fakeDemo(options, report, new AbortController().signal)).toBe(0)
  for (const text of expected) expect(output).toContain(text)
  expect(output).toMatch(/healed in \d+\.\d ms/)
})

test('an abort ends it with its reason', async () => {
  const report = new TextReport(() => {})
  const reason = new Error('Ctrl-C')
  const demo = fakeDemo(parseDemoOptions(['--fake']), report, AbortSignal.abort(reason))
  await expect(demo).rejects.toBe(reason)
})

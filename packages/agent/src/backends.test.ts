import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type NodeContext, parseNetworkConfig } from '@selvedge/core'
import { afterEach, expect, test, vi } from 'vitest'
import { backends } from './backends.js'

afterEach(() => vi.unstubAllEnvs())

test("commands of the extension backend get the agent's environment, without the store's password", async () => {
  const folder = await mkdtemp(join(tmpdir(), 'selvedge-backends-'))
  vi.stubEnv('FLANNELD_ETCD_PASSWORD', 'pAsSwOrD')
  vi.stubEnv('EXTENSION_RECORDS_DIR', folder)
  vi.stubEnv('GREETING', 'hello')
  const context: NodeContext = {
    config: parseNetworkConfig({
      Network: '10.5.0.0/16',
      Backend: { Type: 'extension', PreStartupCommand: 'env' },
    }),
    externalInterface: { name: 'eth0', mtu: 1500, ipv4: '192.168.64.2', onLink: ['192.168.64.0/24'] },
    publicIp: '192.168.64.2',
  }
  try {
    const loader = backends.find(({ type }) => type === 'extension')
    const backend = await loader?.load(context, {})
    const { backendData } = backend?.attributes(context) ?? {}
    expect(backendData).toContain('GREETING=hello\n')
    expect(backendData).toContain('PUBLIC_IP=192.168.64.2\n')
    expect(backendData).not.toContain('pAsSwOrD')
  } finally {
    await rm(folder, { recursive: true })
  }
})

const ipsecContext: NodeContext = {
  config: parseNetworkConfig({
    Network: '10.5.0.0/16',
    Backend: { Type: 'ipsec', PSK: 'sEcReT'.repeat(16) },
  }),
  externalInterface: { name: 'eth0', mtu: 1500, ipv4: '192.168.64.2', onLink: ['192.168.64.0/24'] },
  publicIp: '192.168.64.2',
}
const loadIpsec = async () => backends.find(({ type }) => type === 'ipsec')?.load(ipsecContext, {})

test.each<[Record<string, string>, RegExp]>([
  [
    { IPSEC_VICI_URI: '/run/charon.vici' },
    /^IPSEC_VICI_URI is "\/run\/charon.vici", but must be such as unix:/,
  ],
  [{ IPSEC_VICI_URI: 'unix://charon.vici' }, /^IPSEC_VICI_URI is .* its path must be absolute/],
  [{ IPSEC_VICI_URI: 'tcp://[::1]:0' }, /^IPSEC_VICI_URI is .* its port must be 1 to 65535/],
  [
    { IPSEC_VICI_URI: 'tcp://[::1]:4502', IPSEC_CHARON: '/opt/charon' },
    /^IPSEC_CHARON is "\/opt\/charon" and IPSEC_VICI_URI "tcp:.*: give one/,
  ],
])("ipsec's settings in the environment are checked: %j", async (variables, message) => {
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value)
  await expect(loadIpsec()).rejects.toThrow(message)
  await expect(loadIpsec()).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
})

test("ipsec's charon is the one that the environment names", async () => {
  vi.stubEnv('IPSEC_CHARON', '/nowhere/charon')
  await expect(loadIpsec()).rejects.toThrow("looking for strongSwan's charon at /nowhere/charon")
  vi.stubEnv('IPSEC_CHARON', '')
  vi.stubEnv('IPSEC_VICI_URI', 'unix:///nowhere/charon.vici')
  await expect(loadIpsec()).rejects.toThrow('no charon listens at viciUri unix:///nowhere/charon.vici')
})

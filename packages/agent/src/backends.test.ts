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

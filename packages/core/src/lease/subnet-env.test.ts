import * as nodeFs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseNetworkConfig } from './network-config.js'
import {
  formatSubnetEnv,
  parseSubnetEnv,
  readSubnetEnv,
  type SubnetEnvFs,
  writeSubnetEnv,
} from './subnet-env.js'

const ipv4 = parseNetworkConfig({ Network: '10.244.0.0/16' })
const ipv6 = parseNetworkConfig({ EnableIPv4: false, EnableIPv6: true, IPv6Network: '2001:cafe:42::/48' })
const dualStack = parseNetworkConfig({
  Network: '10.244.0.0/16',
  EnableIPv6: true,
  IPv6Network: '2001:cafe:42::/48',
})
const subnets = { subnet: '10.244.1.0/24', ipv6Subnet: '2001:cafe:42:1::/64' }

const LINES_4 = 'FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\n'
const LINES_6 = 'FLANNEL_IPV6_NETWORK=2001:cafe:42::/48\nFLANNEL_IPV6_SUBNET=2001:cafe:42:1::1/64\n'

describe('the text of subnet.env', () => {
  it('is flannel’s, byte for byte', () => {
    const env = { ...subnets, mtu: 1450, ipMasq: true }
    expect(formatSubnetEnv(ipv4, env)).toBe(`${LINES_4}FLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n`)
    expect(formatSubnetEnv(ipv6, env)).toBe(`${LINES_6}FLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n`)
    expect(formatSubnetEnv(dualStack, { ...env, mtu: 1430, ipMasq: false })).toBe(
      `${LINES_4}${LINES_6}FLANNEL_MTU=1430\nFLANNEL_IPMASQ=false\n`,
    )
  })

  it('is read back: networks, subnets by their base, MTU and who masquerades', () => {
    expect(parseSubnetEnv(formatSubnetEnv(dualStack, { ...subnets, mtu: 1430, ipMasq: true }))).toEqual({
      network: '10.244.0.0/16',
      ipv6Network: '2001:cafe:42::/48',
      ...subnets,
      mtu: 1430,
      ipMasq: true,
    })
  })

  const nothing = { network: undefined, subnet: undefined, ipv6Network: undefined, ipv6Subnet: undefined }
  it.each<[what: string, text: string, env: object]>([
    ['nothing', '', {}],
    ['one family', LINES_4, { network: '10.244.0.0/16', subnet: '10.244.1.0/24' }],
    ['CR LF', 'FLANNEL_SUBNET=10.244.1.1/24\r\nFLANNEL_MTU=1450\r\n', { subnet: '10.244.1.0/24', mtu: 1450 }],
    ['no newline at the end', 'FLANNEL_MTU=1450', { mtu: 1450 }],
    ['quotes and blanks', '  FLANNEL_SUBNET = "10.244.1.1/24" \n', { subnet: '10.244.1.0/24' }],
    ['comments and other lines', '# FLANNEL_MTU=1\nexport X=1\nFLANNEL_IPMASQ=false\n', { ipMasq: false }],
    ['several networks, as newer flannels write them', 'FLANNEL_NETWORK=10.1.0.0/16,10.2.0.0/16\n', {}],
    ['a subnet of the wrong family', 'FLANNEL_SUBNET=2001:cafe::1/64\nFLANNEL_IPV6_SUBNET=10.0.0.1/24\n', {}],
    ['nonsense', 'FLANNEL_SUBNET=10.244.1\nFLANNEL_MTU=big\n=\n', {}],
    ['an MTU of nothing', 'FLANNEL_MTU=0\n', {}],
    ['a line cut short', 'FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUB', { network: '10.244.0.0/16' }],
  ])('is read with %s', (_what, text, env) => {
    expect(parseSubnetEnv(text)).toEqual({ ...nothing, ...env })
  })
})

describe('the file', () => {
  let folder = ''
  beforeEach(async () => {
    folder = await nodeFs.mkdtemp(join(tmpdir(), 'selvedge-subnet-env-'))
  })
  afterEach(async () => {
    await nodeFs.rm(folder, { recursive: true, force: true })
  })

  it('is written into a folder that is made, with mode 0644 whatever the umask, and read back', async () => {
    const path = join(folder, 'run', 'flannel', 'subnet.env')
    const before = process.umask(0o077)
    try {
      await writeSubnetEnv(path, LINES_4)
    } finally {
      process.umask(before)
    }
    expect((await nodeFs.stat(path)).mode & 0o777).toBe(0o644)
    expect(await readSubnetEnv(path)).toMatchObject({ subnet: '10.244.1.0/24' })
    expect(await nodeFs.readdir(join(folder, 'run', 'flannel'))).toEqual(['subnet.env'])
  })

  it('is replaced whole: a reader that has the old one open keeps the old text', async () => {
    const path = join(folder, 'subnet.env')
    await writeSubnetEnv(path, LINES_4)
    const reader = await nodeFs.open(path)
    await writeSubnetEnv(path, LINES_6)
    expect(await reader.readFile('utf8')).toBe(LINES_4)
    await reader.close()
    expect(await nodeFs.readFile(path, 'utf8')).toBe(LINES_6)
  })

  it('may be written by several at once: it holds what one of them wrote', async () => {
    const path = join(folder, 'subnet.env')
    const texts = Array.from({ length: 20 }, (_, index) => `FLANNEL_MTU=${1000 + index}\n`)
    await Promise.all(texts.map((text) => writeSubnetEnv(path, text)))
    expect(texts).toContain(await nodeFs.readFile(path, 'utf8'))
    expect(await nodeFs.readdir(folder)).toEqual(['subnet.env'])
  })

  it('is nothing where there is none', async () => {
    expect(await readSubnetEnv(join(folder, 'subnet.env'))).toBeUndefined()
    expect(await readSubnetEnv(join(folder, 'no', 'such', 'folder', 'subnet.env'))).toBeUndefined()
  })

  it('that cannot be read is no absent one', async () => {
    await expect(readSubnetEnv(folder)).rejects.toMatchObject({ code: 'EISDIR' })
  })

  type Step = 'open' | 'chmod' | 'writeFile' | 'sync' | 'close' | 'rename'
  /** The file system, but for one step that fails as on a full disk. */
  function failing(step: Step, also: { readonly rm?: boolean } = {}): SubnetEnvFs {
    const full = (name: string) => async (): Promise<never> => {
      throw Object.assign(new Error(`ENOSPC: no space left on device, ${name}`), { code: 'ENOSPC' })
    }
    const open: SubnetEnvFs['open'] = async (...args) => {
      const file = await nodeFs.open(...args)
      if (step === 'close') {
        const close = file.close.bind(file)
        file.close = async () => {
          await close()
          await full('close')()
        }
      } else if (step !== 'open' && step !== 'rename') {
        file[step] = full(step)
      }
      return file
    }
    return {
      ...nodeFs,
      open: step === 'open' ? full('open') : open,
      ...(step === 'rename' && { rename: full('rename') }),
      ...(also.rm && { rm: full('rm') }),
    }
  }

  it.each<Step>(['open', 'chmod', 'writeFile', 'sync', 'close', 'rename'])(
    'stays as it was where %s fails, and nothing is left beside it',
    async (step) => {
      const path = join(folder, 'subnet.env')
      await writeSubnetEnv(path, LINES_4)
      await expect(writeSubnetEnv(path, LINES_6, failing(step))).rejects.toThrow(
        `no space left on device, ${step}`,
      )
      expect(await nodeFs.readFile(path, 'utf8')).toBe(LINES_4)
      expect(await nodeFs.readdir(folder)).toEqual(['subnet.env'])
    },
  )

  it('that could not be written tells the first failure, though cleaning up fails too', async () => {
    const path = join(folder, 'subnet.env')
    await expect(writeSubnetEnv(path, LINES_6, failing('sync', { rm: true }))).rejects.toThrow('device, sync')
  })

  it('is flushed to disk before it takes the old one’s place', async () => {
    const path = join(folder, 'subnet.env')
    const steps: string[] = []
    await writeSubnetEnv(path, LINES_4, {
      ...nodeFs,
      open: async (...args) => {
        const file = await nodeFs.open(...args)
        for (const step of ['writeFile', 'sync', 'close'] as const) {
          const original = file[step].bind(file) as (...rest: unknown[]) => Promise<void>
          file[step] = async (...rest: unknown[]) => {
            steps.push(step)
            await original(...rest)
          }
        }
        return file
      },
      rename: async (from, to) => {
        steps.push('rename')
        await nodeFs.rename(from, to)
      },
    })
    expect(steps).toEqual(['writeFile', 'sync', 'close', 'rename'])
  })
})

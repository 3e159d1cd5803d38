import type { Bench } from '../bench.js'

/** The MAC address of a VTEP that no host has. */
export const MAC = 'aa:00:00:00:00:66'

/** A record as flannel writes it. */
export const lease = (publicIp: string, more: object = {}): string =>
  JSON.stringify({
    PublicIP: publicIp,
    PublicIPv6: null,
    BackendType: 'vxlan',
    BackendData: { VNI: 1, VtepMAC: MAC },
    ...more,
  })

/** The key of a subnet that nobody has. */
export const free = (bench: Bench, skip = 0): string =>
  [70, 71, 72, 73]
    .map((n) => `10.244.${n}.0/24`)
    .filter((subnet) => !bench.subnets.includes(subnet))
    [skip]?.replace('/', '-') ?? ''

/** Kills the agent, which would mend it, and harms what it has made. */
export const behindItsBack =
  (script: string | ((bench: Bench) => string)) =>
  async (bench: Bench): Promise<void> => {
    await bench.agent.kill()
    await bench.sh(typeof script === 'string' ? script : script(bench))
  }

export const startAgent = (bench: Bench): Promise<void> => bench.startAgent()

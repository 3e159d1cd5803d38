import type { Rig } from '../rig.js'
import { filesOf } from '../selvedged.js'
import { FlannelByCommands } from './by-commands.js'
import type { FlannelHost, FlannelNetwork } from './flannel-host.js'
import { Flanneld } from './flanneld.js'

export type { FlannelHost, FlannelNetwork } from './flannel-host.js'

/** The path of a flanneld to test with. Without one its work is done by commands. */
export const FLANNELD = process.env.FLANNELD

/** flannel on each host of a rig, started, and each knowing all others. */
export async function flannelOnAll(rig: Rig, network: FlannelNetwork): Promise<FlannelHost[]> {
  const daemons = rig.lab.hosts.map((host, index): FlannelHost => {
    const { subnetFile } = filesOf(rig.lab, host)
    return FLANNELD === undefined
      ? new FlannelByCommands({ host, etcd: rig.etcd, network, subnetFile, number: 10 + index })
      : new Flanneld({ program: FLANNELD, host, endpoint: rig.etcd.endpoint, subnetFile })
  })
  for (const daemon of daemons) await daemon.start()
  // One that starts lists its peers. flanneld misses those that join between its list and its watch.
  for (const daemon of daemons.slice(0, -1)) {
    await daemon.stop()
    await daemon.start()
  }
  return daemons
}

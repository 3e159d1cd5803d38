import { type IkeConnectionResource, ikeConnection } from '../resource.js'
import type { IpsecSettings } from '../settings.js'
import { isSection, type ViciSection, type ViciValue } from '../vici/message.js'
import { REQID } from '../xfrm/policy.js'

/** flannel's, of IKE. Its ESP proposal is a setting. */
const IKE_PROPOSAL = 'aes256-sha256-modp4096'

/** How long a peer may be silent until it is asked whether it is there. flannel never asks. */
const DPD_DELAY = '10s'

export interface ConnectionSettings extends Pick<IpsecSettings, 'udpEncap' | 'espProposal'> {
  readonly userspace: boolean
  readonly rekeySeconds: number
}

/**
 * Whether this node is the one to initiate. Both of flannel's do, and make two tunnels if they do it at once; of ours, the
 * one with the higher address waits a moment.
 */
export const initiates = ({ localId, remoteAddress }: IkeConnectionResource): boolean =>
  localId < remoteAddress

/** The name of a connection's only child, as flannel has it. */
export const childName = ({ localSubnet, remoteSubnet }: IkeConnectionResource): string =>
  `${localSubnet}-${remoteSubnet}`

/** What `load-conn` is sent: flannel's connection, and what makes it find its way back sooner. */
export function loadConn(connection: IkeConnectionResource, settings: ConnectionSettings): ViciSection {
  const { name, localAddress, remoteAddress, localId, localSubnet, remoteSubnet } = connection
  return {
    [name]: {
      version: '2',
      local_addrs: [localAddress],
      remote_addrs: [remoteAddress],
      proposals: [IKE_PROPOSAL],
      keyingtries: '0',
      encap: settings.udpEncap ? 'yes' : 'no',
      dpd_delay: DPD_DELAY,
      // The addresses are those of the policies: a peer with several must not move to another.
      mobike: 'no',
      'local-psk': { auth: 'psk', id: localId },
      'remote-psk': { auth: 'psk', id: remoteAddress },
      children: {
        [childName(connection)]: {
          mode: 'tunnel',
          local_ts: [localSubnet],
          remote_ts: [remoteSubnet],
          esp_proposals: [settings.espProposal],
          start_action: initiates(connection) ? 'start' : 'none',
          close_action: 'trap',
          dpd_action: 'restart',
          rekey_time: `${settings.rekeySeconds}s`,
          // By it the kernel's policies, resources of their own, find their states. kernel-libipsec's policies are charon's,
          // and find them by this number alone: there each connection has one of its own.
          ...(settings.userspace ? { policies: 'yes' } : { policies: 'no', reqid: `${REQID}` }),
        },
      },
    },
  }
}

/** Reads the events of `list-conns`: those connections that are as {@link loadConn} makes them. */
export function readConnections(events: readonly ViciSection[]): IkeConnectionResource[] {
  return events.flatMap((event) =>
    Object.entries(event).flatMap(([name, section]) => {
      const found = isSection(section) ? readConnection(section) : undefined
      return found?.name === name ? [found] : []
    }),
  )
}

function readConnection(section: ViciSection): IkeConnectionResource | undefined {
  const [child, ...others] = isSection(section.children) ? Object.values(section.children) : []
  if (others.length > 0 || !isSection(child)) return undefined
  const localAddress = onlyItem(section.local_addrs)
  const remoteAddress = onlyItem(section.remote_addrs)
  const localSubnet = onlyItem(child['local-ts'])
  const remoteSubnet = onlyItem(child['remote-ts'])
  const localId = isSection(section['local-1']) ? section['local-1'].id : undefined
  if (localAddress === undefined || remoteAddress === undefined) return undefined
  if (localSubnet === undefined || remoteSubnet === undefined || typeof localId !== 'string') return undefined
  return ikeConnection({ localAddress, remoteAddress, localId, localSubnet, remoteSubnet })
}

/** Reads the events of `list-sas`: the names of the connections that are up, or are being negotiated. */
export const connectedNames = (events: readonly ViciSection[]): Set<string> =>
  new Set(
    events.flatMap((event) =>
      Object.entries(event).flatMap(([name, sa]) => {
        if (!isSection(sa)) return []
        const children = isSection(sa['child-sas']) ? Object.keys(sa['child-sas']).length : 0
        return children > 0 || sa.state !== 'ESTABLISHED' ? [name] : []
      }),
    ),
  )

const onlyItem = (value: ViciValue | undefined): string | undefined =>
  Array.isArray(value) && value.length === 1 ? value[0] : undefined

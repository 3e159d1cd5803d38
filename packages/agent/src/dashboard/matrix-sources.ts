import { type Lease, leaseKey, type Overlay } from '@selvedge/core'
import { sameNode } from '@selvedge/core/kit'
import type { PeerProbes } from '../probe/peer-probes.js'
import type { Finding, MatrixSource, MatrixSources } from './matrix-page.js'
import { measured } from './measured.js'

/** What a matrix is made of. Peers are asked for their rows from now on, for some seconds. */
export function matrixSources(overlay: Overlay, probes: PeerProbes, at: number): MatrixSources {
  const { rowOf, keyOf, everyMs } = probes.rows()
  const own = overlay.lease
  const peers = [...overlay.leases.values()].filter((lease) => !sameNode(lease.attributes, own.attributes))
  return {
    at,
    everyMs,
    own: { ...nameOf(own), row: ownRow(peers, probes) },
    peers: peers.map((lease): MatrixSource => {
      const known = rowOf(lease)
      if (known === undefined) return nameOf(lease)
      const { row, ageMs } = known
      const { paths, unreachable, lossy, entries } = row
      const findings = () =>
        entries.flatMap((entry): Finding[] => {
          const peer = keyOf(entry)
          return peer === undefined ? [] : [{ peer, measured: measured([entry.report]) }]
        })
      return { ...nameOf(lease), row: { ageMs, paths, unreachable, lossy, findings } }
    }),
  }
}

function ownRow(peers: readonly Lease[], probes: PeerProbes): MatrixSource['row'] {
  const found = peers.flatMap((lease) => {
    const probe = probes.of(lease)
    const reports = [probe?.ipv4, probe?.ipv6].filter((report) => report !== undefined)
    return reports.length === 0 ? [] : [{ peer: leaseKey(lease), reports }]
  })
  const reports = found.flatMap((each) => each.reports)
  return {
    ageMs: 0,
    paths: reports.length,
    unreachable: reports.filter(({ state }) => state === 'unreachable').length,
    lossy: reports.filter(({ state, loss = 0 }) => state === 'reachable' && loss > 0).length,
    findings: () => found.map(({ peer, reports }) => ({ peer, measured: measured(reports) })),
  }
}

function nameOf(lease: Lease): Omit<MatrixSource, 'row'> {
  const { subnet, ipv6Subnet, attributes } = lease
  const { publicIp, publicIpv6 } = attributes
  const present = (texts: readonly (string | undefined)[]) => texts.filter((text) => text !== undefined)
  return {
    key: leaseKey(lease),
    subnets: present([subnet, ipv6Subnet]),
    addresses: present([publicIp, publicIpv6]),
  }
}

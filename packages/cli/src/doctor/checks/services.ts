import { type Check, warning } from '../finding.js'
import { nodeOf } from './known.js'

/** Writes a file of a few lines. */
const write = (path: string, lines: readonly string[]): string =>
  `mkdir -p ${path.slice(0, path.lastIndexOf('/'))} && printf '%s\\n' ${lines.map((line) => `'${line}'`).join(' ')} > ${path}`

export const serviceChecks: readonly Check[] = [
  {
    id: 'host.networkd',
    title: "systemd-networkd leaves other programs' routes alone",
    pre: true,
    find: ({ services: { networkd } }) =>
      networkd === undefined || networkd.keepsForeignRoutes
        ? []
        : [
            warning(
              "systemd-networkd runs here, and no file of its own says ManageForeignRoutes=no: it removes the overlay's routes when it starts again",
              write('/etc/systemd/networkd.conf.d/selvedge.conf', [
                '[Network]',
                'ManageForeignRoutes=no',
                'ManageForeignRoutingPolicyRules=no',
              ]),
            ),
          ],
  },
  {
    id: 'host.network-manager',
    title: "NetworkManager leaves the overlay's devices alone",
    pre: true,
    find: ({ services: { networkManager } }) =>
      networkManager === undefined || networkManager.ignoresOurs
        ? []
        : [
            warning(
              'NetworkManager runs here, and its unmanaged-devices do not name interface-name:flannel*: it may configure our devices',
              write('/etc/NetworkManager/conf.d/selvedge.conf', [
                '[keyfile]',
                'unmanaged-devices=interface-name:flannel*;interface-name:cni0;interface-name:veth*',
              ]),
            ),
          ],
  },
  {
    id: 'host.mac-policy',
    title: 'systemd-udevd keeps the MAC addresses of our devices',
    pre: true,
    find: (facts) => {
      const backend = nodeOf(facts)?.backend
      const { udev } = facts.services
      if (udev === undefined || udev.keepsMac || (backend !== undefined && backend !== 'vxlan')) return []
      return [
        warning(
          'systemd-udevd runs here with MACAddressPolicy=persistent: it gives a new flannel.1 another MAC address than is published',
          write('/etc/systemd/network/50-selvedge.link', [
            '[Match]',
            'OriginalName=flannel*',
            '[Link]',
            'MACAddressPolicy=none',
          ]),
        ),
      ]
    },
  },
]

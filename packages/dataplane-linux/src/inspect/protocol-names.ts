/** RTPROT_* of include/uapi/linux/rtnetlink.h, and iproute2's rt_protos; 157 is this project's. */
const NAMES: Readonly<Record<number, string>> = {
  0: 'unspec',
  1: 'redirect',
  2: 'kernel',
  3: 'boot',
  4: 'static',
  8: 'gated',
  9: 'ra',
  10: 'mrt',
  11: 'zebra',
  12: 'bird',
  13: 'dnrouted',
  14: 'xorp',
  15: 'ntk',
  16: 'dhcp',
  17: 'mrouted',
  18: 'keepalived',
  42: 'babel',
  80: 'calico',
  84: 'ovn',
  99: 'openr',
  157: 'selvedge',
  186: 'bgp',
  187: 'isis',
  188: 'ospf',
  189: 'rip',
  192: 'eigrp',
}

/** A route's protocol as `ip route` prints it; its number if it has no name. */
export const protocolName = (protocol: number): string => NAMES[protocol] ?? String(protocol)

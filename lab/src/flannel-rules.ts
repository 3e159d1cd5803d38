/** The traffic rules of flanneld: those of iptables as v0.20.2 leaves them, those of nftables as v0.28 writes them. */

const MASQ = '-m comment --comment "flanneld masq"'
const FORWARD = '-m comment --comment "flanneld forward"'

/**
 * For `iptables-restore --noflush`.
 *
 * @param saved what `iptables-save` prints, for the jumps that are there already
 */
export function flannelIptablesRules(network: string, subnet: string, saved = ''): string {
  const jump = (from: string, comment: string, to: string) => {
    const rule = `-A ${from} ${comment} -j ${to}`
    return saved.includes(rule) ? [] : [rule]
  }
  return [
    '*nat',
    ':FLANNEL-POSTRTG - [0:0]',
    ...jump('POSTROUTING', MASQ, 'FLANNEL-POSTRTG'),
    `-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 ${MASQ} -j RETURN`,
    `-A FLANNEL-POSTRTG -s ${subnet} -d ${network} ${MASQ} -j RETURN`,
    `-A FLANNEL-POSTRTG -s ${network} -d ${subnet} ${MASQ} -j RETURN`,
    `-A FLANNEL-POSTRTG ! -s ${network} -d ${subnet} ${MASQ} -j RETURN`,
    `-A FLANNEL-POSTRTG -s ${network} ! -d 224.0.0.0/4 ${MASQ} -j MASQUERADE --random-fully`,
    `-A FLANNEL-POSTRTG ! -s ${network} -d ${network} ${MASQ} -j MASQUERADE --random-fully`,
    'COMMIT',
    '*filter',
    ':FLANNEL-FWD - [0:0]',
    ...jump('FORWARD', FORWARD, 'FLANNEL-FWD'),
    `-A FLANNEL-FWD -s ${network} ${FORWARD} -j ACCEPT`,
    `-A FLANNEL-FWD -d ${network} ${FORWARD} -j ACCEPT`,
    'COMMIT',
    '',
  ].join('\n')
}

/** For `nft`. */
export function flannelNftablesRules(network: string, subnet: string): string {
  const rules = {
    postrtg: [
      'meta mark 0x4000 return',
      `ip saddr ${subnet} ip daddr ${network} return`,
      `ip saddr ${network} ip daddr ${subnet} return`,
      `ip saddr != ${subnet} ip daddr ${network} return`,
      `ip saddr ${network} ip daddr != 224.0.0.0/4 masquerade fully-random`,
      `ip saddr != ${network} ip daddr ${network} masquerade fully-random`,
    ],
    forward: [`ip saddr ${network} accept`, `ip daddr ${network} accept`],
  }
  const chain = (name: keyof typeof rules, hook: string, comment: string) => [
    `add chain ip flannel-ipv4 ${name} { ${hook} ; comment "${comment}" ; }`,
    `flush chain ip flannel-ipv4 ${name}`,
    ...rules[name].map((rule) => `add rule ip flannel-ipv4 ${name} ${rule}`),
  ]
  return [
    'add table ip flannel-ipv4 { comment "rules for flannel-ipv4" ; }',
    ...chain(
      'postrtg',
      'type nat hook postrouting priority 100',
      'chain to manage traffic masquerading by flannel',
    ),
    ...chain('forward', 'type filter hook forward priority 0', 'chain to accept flannel traffic'),
  ].join('\n')
}

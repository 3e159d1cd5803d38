import { flannelIptablesRules, flannelNftablesRules } from '@selvedge/lab'

export const NETWORK = '10.244.0.0/16'
export const SUBNET = '10.244.1.0/24'
export const MASQ = '-m comment --comment "flanneld masq"'
const FWD = '-m comment --comment "flanneld forward"'

/** The rules of flannel, as each version writes them. */
export const FLANNEL = {
  'v0.8': `*nat
-A POSTROUTING -s ${NETWORK} -d ${NETWORK} -j RETURN
-A POSTROUTING -s ${NETWORK} ! -d 224.0.0.0/4 -j MASQUERADE
-A POSTROUTING ! -s ${NETWORK} -d ${NETWORK} -j MASQUERADE
COMMIT
`,
  'v0.15': `*nat
-A POSTROUTING -s ${NETWORK} -d ${NETWORK} -j RETURN
-A POSTROUTING -s ${NETWORK} ! -d 224.0.0.0/4 -j MASQUERADE --random-fully
-A POSTROUTING ! -s ${NETWORK} -d ${SUBNET} -j RETURN
-A POSTROUTING ! -s ${NETWORK} -d ${NETWORK} -j MASQUERADE --random-fully
COMMIT
*filter
-A FORWARD -s ${NETWORK} -j ACCEPT
-A FORWARD -d ${NETWORK} -j ACCEPT
COMMIT
`,
  'v0.16': `*nat
-A POSTROUTING -s ${NETWORK} -d ${NETWORK} ${MASQ} -j RETURN
-A POSTROUTING -s ${NETWORK} ! -d 224.0.0.0/4 -m comment --comment "flannel masq" -j MASQUERADE --random-fully
-A POSTROUTING ! -s ${NETWORK} -d ${SUBNET} ${MASQ} -j RETURN
-A POSTROUTING ! -s ${NETWORK} -d ${NETWORK} ${MASQ} -j MASQUERADE --random-fully
COMMIT
`,
  'v0.17': `*nat
-A POSTROUTING -s ${NETWORK} -d ${NETWORK} ${MASQ} -j RETURN
-A POSTROUTING -s ${NETWORK} ! -d 224.0.0.0/4 ${MASQ} -j MASQUERADE --random-fully
-A POSTROUTING ! -s ${NETWORK} -d ${SUBNET} ${MASQ} -j RETURN
-A POSTROUTING ! -s ${NETWORK} -d ${NETWORK} ${MASQ} -j MASQUERADE --random-fully
COMMIT
*filter
-A FORWARD -s ${NETWORK} ${FWD} -j ACCEPT
-A FORWARD -d ${NETWORK} ${FWD} -j ACCEPT
COMMIT
`,
  'v0.20': `*nat
:FLANNEL-POSTRTG - [0:0]
-I POSTROUTING ${MASQ} -j FLANNEL-POSTRTG
-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 ${MASQ} -j RETURN
-A FLANNEL-POSTRTG -s ${NETWORK} -d ${NETWORK} ${MASQ} -j RETURN
-A FLANNEL-POSTRTG -s ${NETWORK} ! -d 224.0.0.0/4 ${MASQ} -j MASQUERADE --random-fully
-A FLANNEL-POSTRTG ! -s ${NETWORK} -d ${SUBNET} ${MASQ} -j RETURN
-A FLANNEL-POSTRTG ! -s ${NETWORK} -d ${NETWORK} ${MASQ} -j MASQUERADE --random-fully
COMMIT
*filter
:FLANNEL-FWD - [0:0]
-I FORWARD ${FWD} -j FLANNEL-FWD
-A FLANNEL-FWD -s ${NETWORK} ${FWD} -j ACCEPT
-A FLANNEL-FWD -d ${NETWORK} ${FWD} -j ACCEPT
COMMIT
`,
  'v0.28': flannelIptablesRules(NETWORK, SUBNET),
} as const

/** In nftables mode, from v0.25 on. */
export const FLANNEL_NFT = flannelNftablesRules(NETWORK, SUBNET)

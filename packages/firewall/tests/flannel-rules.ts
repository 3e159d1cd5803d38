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
  'v0.28': `*nat
:FLANNEL-POSTRTG - [0:0]
-A POSTROUTING ${MASQ} -j FLANNEL-POSTRTG
-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 ${MASQ} -j RETURN
-A FLANNEL-POSTRTG -s ${SUBNET} -d ${NETWORK} ${MASQ} -j RETURN
-A FLANNEL-POSTRTG -s ${NETWORK} -d ${SUBNET} ${MASQ} -j RETURN
-A FLANNEL-POSTRTG ! -s ${NETWORK} -d ${SUBNET} ${MASQ} -j RETURN
-A FLANNEL-POSTRTG -s ${NETWORK} ! -d 224.0.0.0/4 ${MASQ} -j MASQUERADE --random-fully
-A FLANNEL-POSTRTG ! -s ${NETWORK} -d ${NETWORK} ${MASQ} -j MASQUERADE --random-fully
COMMIT
*filter
:FLANNEL-FWD - [0:0]
-A FORWARD ${FWD} -j FLANNEL-FWD
-A FLANNEL-FWD -s ${NETWORK} ${FWD} -j ACCEPT
-A FLANNEL-FWD -d ${NETWORK} ${FWD} -j ACCEPT
COMMIT
`,
} as const

/** In nftables mode, from v0.25 on. */
export const FLANNEL_NFT = `
add table ip flannel-ipv4 { comment "rules for flannel-ipv4" ; }
add chain ip flannel-ipv4 postrtg { type nat hook postrouting priority 100 ; comment "chain to manage traffic masquerading by flannel" ; }
flush chain ip flannel-ipv4 postrtg
add rule ip flannel-ipv4 postrtg meta mark 0x4000 return
add rule ip flannel-ipv4 postrtg ip saddr ${SUBNET} ip daddr ${NETWORK} return
add rule ip flannel-ipv4 postrtg ip saddr ${NETWORK} ip daddr ${SUBNET} return
add rule ip flannel-ipv4 postrtg ip saddr != ${SUBNET} ip daddr ${NETWORK} return
add rule ip flannel-ipv4 postrtg ip saddr ${NETWORK} ip daddr != 224.0.0.0/4 masquerade fully-random
add rule ip flannel-ipv4 postrtg ip saddr != ${NETWORK} ip daddr ${NETWORK} masquerade fully-random
add chain ip flannel-ipv4 forward { type filter hook forward priority 0 ; comment "chain to accept flannel traffic" ; }
flush chain ip flannel-ipv4 forward
add rule ip flannel-ipv4 forward ip saddr ${NETWORK} accept
add rule ip flannel-ipv4 forward ip daddr ${NETWORK} accept
`

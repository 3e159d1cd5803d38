import { expect, test } from 'vitest'
import { clusterIpsIn } from './cluster-ips.js'
import { readIpvs } from './ipvs.js'
import { rulesetOf } from './ruleset.js'

const SERVICES = `*nat
:KUBE-SERVICES - [0:0]
:KUBE-SVC-DNS - [0:0]
:KUBE-SVC-API - [0:0]
-A KUBE-SERVICES -d 10.96.0.10/32 -p udp -m comment --comment "kube-system/kube-dns:dns cluster IP" -m udp --dport 53 -j KUBE-SVC-DNS
-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m comment --comment "default/kubernetes:https cluster IP" -m tcp --dport 443 -j KUBE-SVC-API
-A KUBE-SVC-DNS -j KUBE-SEP-1
-A KUBE-SVC-API -j KUBE-SEP-2
COMMIT
*filter
:KUBE-SERVICES - [0:0]
-A KUBE-SERVICES -d 10.96.9.9/32 -p tcp -m comment --comment "web/shop:http has no endpoints" -m tcp --dport 80 -j REJECT
COMMIT`

const dns = { name: 'kube-system/kube-dns:dns', address: '10.96.0.10', port: 53, protocol: 'udp' }
const api = { name: 'default/kubernetes:https', address: '10.96.0.1', port: 443, protocol: 'tcp' }
const shop = { name: 'web/shop:http', address: '10.96.9.9', port: 80, protocol: 'tcp', lacks: 'endpoints' }

test('mode iptables: Services that lead to endpoints, those without any, and those whose rules are gone', () => {
  expect(clusterIpsIn(rulesetOf({ nft4: SERVICES }))).toEqual([dns, api, shop])
  const flushed = SERVICES.replace('-A KUBE-SVC-DNS -j KUBE-SEP-1\n', '')
  expect(clusterIpsIn(rulesetOf({ nft4: flushed }))).toEqual([{ ...dns, lacks: 'rules' }, api, shop])
  // Of the same name in the other variant is another chain.
  const both = { nft4: flushed, legacy4: '*nat\n:KUBE-SVC-DNS - [0:0]\n-A KUBE-SVC-DNS -j RETURN\nCOMMIT' }
  expect(clusterIpsIn(rulesetOf(both))[0]).toEqual({ ...dns, lacks: 'rules' })
})

/** As `nft --stateless -a list ruleset` prints kube-proxy's table. */
const TABLE = `table ip kube-proxy { # handle 3
	comment "rules for kube-proxy"
	map no-endpoint-services { # handle 20
		type ipv4_addr . inet_proto . inet_service : verdict
		comment "vmap to drop or reject packets to services with no endpoints"
		elements = { 10.96.9.9 . tcp . 80 comment "web/shop:http" : goto reject-chain,
			     10.96.9.8 . udp . 99 : drop }
	}
	map service-ips { # handle 21
		type ipv4_addr . inet_proto . inet_service : verdict
		comment "ClusterIP, ExternalIP and LoadBalancer IP traffic"
		elements = { 10.96.0.10 . udp . 53 : goto service-FY5PMXPG-kube-system/kube-dns/udp/dns,
			     10.96.0.1 . tcp . 443 : goto service-2QRHZV4L-default/kubernetes/tcp/https }
	}
	chain service-FY5PMXPG-kube-system/kube-dns/udp/dns { # handle 30
		ip saddr != 10.244.0.0/16 ip daddr 10.96.0.10 udp dport 53 jump mark-for-masquerade # handle 31
		numgen random mod 1 vmap { 0 : goto endpoint-X-kube-system/kube-dns/udp/dns__10.244.1.2/53 } # handle 32
	}
	chain service-2QRHZV4L-default/kubernetes/tcp/https { # handle 33
	}
	chain reject-chain { # handle 34
		reject # handle 35
	}
}
`

test('mode nftables: the same, by the maps of its table', () => {
  expect(clusterIpsIn(rulesetOf({ nft: TABLE }))).toEqual([
    shop,
    { name: '10.96.9.8:99', address: '10.96.9.8', port: 99, protocol: 'udp', lacks: 'endpoints' },
    dns,
    { ...api, lacks: 'rules' },
  ])
  expect(clusterIpsIn(rulesetOf({ nft: TABLE.replaceAll('ip kube-proxy', 'ip other') }))).toEqual([])
})

/** As the kernel prints /proc/net/ip_vs. */
const IPVS = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  0A600001:01BB rr 
  -> C0A84D02:192B      Masq    1      1          0         
UDP  0A60000A:0035 rr 
FWM  00000007 rr 
  -> 0AF40103:0035      Masq    1      0          0         
TCP  [fd00:0000:0000:0000:0000:0000:0000:0010]:01BB rr 
  -> [fd01:0000:0000:0000:0000:0000:0000:0002]:20FB      Masq    1      0          0         
`

test('mode IPVS: by addresses and ports alone; the API server’s by the port of its endpoints', () => {
  expect(readIpvs(IPVS)).toEqual([
    { name: '10.96.0.1:443', address: '10.96.0.1', port: 443, protocol: 'tcp', role: 'api' },
    {
      name: '10.96.0.10:53',
      address: '10.96.0.10',
      port: 53,
      protocol: 'udp',
      role: 'dns',
      lacks: 'endpoints',
    },
    { name: '[fd00::10]:443', address: 'fd00::10', port: 443, protocol: 'tcp' },
  ])
  expect(readIpvs('')).toEqual([])
})

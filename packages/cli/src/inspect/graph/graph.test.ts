import { expect, test } from 'vitest'
import { parseIptablesSave, parseNftRuleset, type RuleChain } from '../chains.js'
import { iptablesChains } from '../read-chains.js'
import { drawingOf } from './drawing.js'
import { mermaid } from './mermaid.js'
import { svg } from './svg.js'
import { type TopologyHost, topologyOf } from './topology.js'

const HOSTILE = `"]</text><script>alert(1)</script>&'\u0007\u202e\ud800`
/** What means something to Mermaid, to Markdown or to XML. */
const NAMES = [
  'end',
  'click own href "javascript:alert(1)"',
  'subgraph x',
  'A-->B',
  '`**bold**`',
  '1. one',
  '- two',
  '%%{init: {"securityLevel": "loose"}}%%',
  '#quot;#35;',
  'a;b\nend\n  own --> peer0',
  '<!-- --> ]]> <![CDATA[',
  '&lt;&#0;&unknown;',
  '節点 ☃ \u{1f600}',
  '{{x}}((y))[/z/]|w|',
]

const hosts: readonly TopologyHost[] = [
  { key: '10.1.1.0-24', subnets: ['10.1.1.0/24'], addresses: ['192.0.2.1'], isOwn: true, path: 'none' },
  {
    key: '10.1.2.0-24',
    subnets: ['10.1.2.0/24'],
    addresses: ['192.0.2.2'],
    isOwn: false,
    path: 'tunnel',
    device: 'flannel.1',
  },
  {
    key: '10.1.3.0-24',
    subnets: ['10.1.3.0/24'],
    addresses: ['192.0.2.3'],
    isOwn: false,
    path: 'direct',
    device: 'eth0',
  },
  { key: HOSTILE, subnets: [], addresses: [HOSTILE], isOwn: false, path: 'none' },
]

const SAVED = `*filter
:FORWARD DROP [0:0]
:FLANNEL-FWD - [0:0]
:LOOP - [0:0]
-A FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD
-A FORWARD -j LOOP
-A LOOP -j LOOP
-A FLANNEL-FWD -s 10.1.0.0/16 -m string --string "</text><script>" -j ACCEPT
COMMIT
*nat
:POSTROUTING ACCEPT [0:0]
:FLANNEL-POSTRTG - [0:0]
-A POSTROUTING -j FLANNEL-POSTRTG
-A FLANNEL-POSTRTG -s 10.1.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE
COMMIT
*mangle
:FORWARD ACCEPT [0:0]
-A FORWARD -j MARK
COMMIT
`
const NFT = `table ip flannel-ipv4 {
	chain postrtg {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr 10.1.0.0/16 jump out
	}

	chain out {
		counter masquerade
	}

	chain unused {
		drop
	}
}
`
const chains = [...parseIptablesSave(SAVED, 'ip'), ...parseNftRuleset(NFT)]
const drawing = drawingOf(hosts, chains)

test('the chains of NAT and forwarding are drawn with what they lead to, of iptables and nftables; no others', () => {
  expect(drawing.chains.map(({ title, depth, isOwn }) => [title, depth, isOwn])).toEqual([
    ['iptables ip filter FORWARD (forward, policy DROP)', 0, false],
    ['iptables ip nat POSTROUTING (postrouting, policy ACCEPT)', 0, false],
    ['nftables ip flannel-ipv4 postrtg (postrouting, policy accept)', 0, true],
    ['iptables ip filter FLANNEL-FWD', 1, true],
    ['iptables ip filter LOOP', 1, false],
    ['iptables ip nat FLANNEL-POSTRTG', 1, true],
    ['nftables ip flannel-ipv4 out', 1, true],
  ])
  expect(drawing.chains[0]?.rules.map(({ text, leadsTo }) => [text, leadsTo])).toEqual([
    ['-j FLANNEL-FWD', 3],
    ['-j LOOP', 4],
  ])
  // A chain of the same name in another table is another one.
  expect(drawing.chains[1]?.rules[0]?.leadsTo).toBe(5)
  expect(drawing.chains[4]?.rules[0]?.leadsTo).toBe(4)
})

test('SVG: what hosts and rules are named is text, and the image refers to nothing outside', () => {
  const image = svg(drawing)
  expect(image).not.toMatch(/<script|href|url\((?!#arrow)| on\w+=/)
  for (const character of ['\u0007', '\u202e', '\ud800']) expect(image).not.toContain(character)
  expect(image).toContain('&lt;script&gt;')
  expect(elementsOf(image)[0]).toBe('svg')
  expect(image.match(/marker-end/g)).toHaveLength(5)
  expect(svg(drawingOf(hosts, chains))).toBe(image)
})

test('Mermaid: no name ends its label, and each jump is an edge', () => {
  const text = mermaid(drawing)
  expectFlowchart(text)
  expect(text).toContain('own ===|"tunnel flannel.1"| peer0')
  expect(text).toContain('own ---|"direct eth0"| peer1')
  expect(text).toContain('own -.-x|"no route"| peer2')
  expect(text.match(/==>/g)).toHaveLength(5)
  expect(mermaid(drawingOf(hosts, chains))).toBe(text)
})

test.each(NAMES)('a host, a chain and a rule named %j are text in both', (name) => {
  const peer: TopologyHost = {
    key: name,
    subnets: [name],
    addresses: [name],
    isOwn: false,
    path: 'tunnel',
    device: name,
  }
  const chain: RuleChain = {
    holder: 'nftables',
    family: name,
    table: name,
    name,
    hook: 'forward',
    policy: name,
    rules: [{ text: name, target: name }],
  }
  const named = drawingOf([...hosts, peer], [...chains, chain])
  expectFlowchart(mermaid(named))
  expect(elementsOf(svg(named)).filter((each) => !DRAWN.includes(each))).toEqual([])
})

test('5,000 peers and 1,000 chains are a picture of bounded size that says how many it leaves out', () => {
  const many = Array.from(
    { length: 5_001 },
    (_, n): TopologyHost => ({
      key: `k${n}`,
      subnets: [`10.${n >> 8}.${n & 255}.0/24`],
      addresses: ['192.0.2.1'],
      isOwn: n === 0,
      path: 'tunnel',
    }),
  )
  const jumps = Array.from({ length: 1_000 }, (_, n) => `:KUBE-${n} - [0:0]\n-A POSTROUTING -j KUBE-${n}`)
  const saved = `*nat\n:POSTROUTING ACCEPT [0:0]\n${jumps.join('\n')}\nCOMMIT\n`
  const large = drawingOf(many, parseIptablesSave(saved, 'ip'))
  expect(large).toMatchObject({ morePeers: 4_960, moreChains: 971 })
  expect(large.chains[0]).toMatchObject({ moreRules: 984 })
  for (const picture of [svg(large), mermaid(large)]) {
    expect(picture).toContain('4960 more peers')
    expect(picture.length).toBeLessThan(50_000)
  }
})

test('both implementations of iptables are drawn if both have rules, and none twice', () => {
  const legacy = SAVED.replaceAll('FLANNEL-', 'DOCKER-')
  const found = iptablesChains(
    { saved: `# a date\n${SAVED}`, nft: SAVED.replaceAll('[0:0]', '[7:99]'), legacy },
    'ip',
  )
  const titles = drawingOf([], found).chains.map(({ title }) => title)
  expect(titles).toContain('iptables ip nat FLANNEL-POSTRTG')
  expect(titles).toContain('iptables-legacy ip nat DOCKER-POSTRTG')
  expect(titles.filter((title) => title.startsWith('iptables-nft'))).toEqual([])
  const empty = '*nat\n:POSTROUTING ACCEPT [0:0]\nCOMMIT\n'
  expect(iptablesChains({ saved: SAVED, nft: empty, legacy: '' }, 'ip')).toEqual(
    parseIptablesSave(SAVED, 'ip'),
  )
})

test('nothing at all is a picture, too', () => {
  const empty = drawingOf([], [])
  expect(svg(empty)).toContain('</svg>')
  expect(mermaid(empty)).toMatch(/^flowchart LR\n/)
})

test('the topology: this node first, peers by their keys as numbers, reached as their routes say', () => {
  const route = (key: string, fields: object) =>
    ({ state: 'held', resource: { kind: 'route', key, ...fields }, owners: [key] }) as const
  const leases = ['10.1.10.0-24', '10.1.9.0-24', '10.1.1.0-24'].map((key) => ({
    key,
    subnet: key.replace('-', '/'),
    publicIp: `192.0.2.${key.split('.')[2]}`,
  }))
  const entries = [
    route('10.1.10.0-24', { gateway: '192.0.2.10', device: 'eth0', onLink: false }),
    route('10.1.9.0-24', { gateway: '10.1.9.0', device: 'flannel.1', onLink: true }),
  ]
  const found = topologyOf({ own: '10.1.1.0-24', leases, entries })
  expect(found.map(({ key, path, device }) => [key, path, device])).toEqual([
    ['10.1.1.0-24', 'none', undefined],
    ['10.1.9.0-24', 'tunnel', 'flannel.1'],
    ['10.1.10.0-24', 'direct', 'eth0'],
  ])
})

const DRAWN = ['svg', 'defs', 'marker', 'path', 'rect', 'text']

/** The elements of an XML document, in their order; throws for what is not well-formed. */
function elementsOf(document: string): readonly string[] {
  const reference = '&(?:amp|lt|gt|quot|apos);'
  const attribute = String.raw`\s+[a-z][\w:-]*="(?:[^<&"]|${reference})*"`
  const token = new RegExp(
    String.raw`<\?xml version="1\.0" encoding="UTF-8"\?>|<([a-z]+)((?:${attribute})*)(/?)>|</([a-z]+)>|(?:[^<&\u0000-\u0008\u000b\u000c\u000e-\u001f]|${reference})+`,
    'gy',
  )
  const [open, elements]: [string[], string[]] = [[], []]
  while (token.lastIndex < document.length) {
    const at = token.lastIndex
    const [text, name, attributes = '', isEmpty, end] = token.exec(document) ?? []
    if (text === undefined) throw new SyntaxError(`no XML: ${JSON.stringify(document.slice(at, at + 60))}`)
    const names = attributes.match(/[\w:-]+(?==")/g) ?? []
    if (new Set(names).size < names.length) throw new SyntaxError(`an attribute twice: ${text}`)
    if (end !== undefined && open.pop() !== end) throw new SyntaxError(`${text} closes another element`)
    if (name === undefined) continue
    if (open.length === 0 && elements.length > 0) throw new SyntaxError('a second document')
    elements.push(name)
    if (isEmpty === '') open.push(name)
  }
  if (open.length > 0) throw new SyntaxError(`not closed: ${open}`)
  return elements
}

/** Statements of a flowchart, as this project writes them: each line is one, whatever is named. */
const LABEL = String.raw`"(?:[A-Za-z0-9 .:/,=-]|#\d+;|<br/>)*"`
const STATEMENTS = {
  direction: /^ +direction (?:LR|TB)$/,
  subgraph: new RegExp(String.raw`^ +subgraph (\w+)\[${LABEL}\]$`),
  end: /^ +end$/,
  node: new RegExp(String.raw`^ +(\w+)\[${LABEL}\]$`),
  edge: new RegExp(String.raw`^ +(\w+) (?:(?:===|---|-\.-x)\|${LABEL}\||-->|==>) (\w+)$`),
}

/** As strict as Mermaid's grammar, which is a package of 150 MB: each id is declared once, before its edges, and is no keyword. */
function expectFlowchart(text: string): void {
  const [head, ...lines] = text.trimEnd().split('\n')
  expect(head).toBe('flowchart LR')
  const ids = new Set<string>()
  let depth = 0
  for (const line of lines) {
    const [kind, match] =
      Object.entries(STATEMENTS)
        .map(([name, form]) => [name, form.exec(line)] as const)
        .find(([, found]) => found !== null) ?? []
    if (kind === undefined) throw new SyntaxError(`no statement of a flowchart: ${line}`)
    const [, first = '', second = ''] = match ?? []
    if (kind === 'subgraph') depth += 1
    if (kind === 'end') depth -= 1
    expect(depth).toBeGreaterThanOrEqual(0)
    if (kind === 'node' || kind === 'subgraph') {
      expect(first).not.toMatch(
        /^(?:end|default|subgraph|click|style|linkStyle|class|classDef|graph|flowchart)$/,
      )
      expect([...ids]).not.toContain(first)
      ids.add(first)
    }
    if (kind === 'edge') for (const id of [first, second]) expect([...ids]).toContain(id)
  }
  expect(depth).toBe(0)
}

/** How long packets may be, each way by itself: between two namespaces, one of which drops what is long. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { LongestEachWay } from '../src/index.js'
import { TestNamespace, until } from './namespace.js'

const ADDRESSES = { IPv4: '192.0.2.2', IPv6: '2001:db8::2' }
const LENGTHS = [1500, 1400, 1300, 1280]

let here: TestNamespace
let peer: TestNamespace
beforeAll(async () => {
  here = new TestNamespace()
  peer = new TestNamespace()
  here.ip(`link add eth0 type veth peer name eth0 netns ${peer.name}`)
  for (const [namespace, host] of [
    [here, 1],
    [peer, 2],
  ] as const) {
    namespace.ip(`address add 192.0.2.${host}/24 dev eth0`)
    namespace.ip(`address add 2001:db8::${host}/64 dev eth0 nodad`)
    namespace.ip('link set eth0 up')
  }
  for (const address of Object.values(ADDRESSES)) await until(`${address} answers`, () => reaches(address))
})
afterAll(() => {
  here?.[Symbol.dispose]()
  peer?.[Symbol.dispose]()
})

const run = promisify(execFile)
const reaches = (address: string): Promise<boolean> =>
  run('ip', ['netns', 'exec', here.name, 'ping', '-c', '1', '-W', '1', address]).then(
    () => true,
    () => false,
  )

/** As built: a process of its own cannot run TypeScript. */
const BUILT = fileURLToPath(new URL('../dist/index.js', import.meta.url))

/** In a process of its own: a thread of this one cannot stay in a namespace. */
async function measure(address: string, wrapper: readonly string[] = []): Promise<LongestEachWay> {
  const code = `import { longestEachWay } from ${JSON.stringify(BUILT)}
console.log(JSON.stringify(await longestEachWay('${address}', ${JSON.stringify(LENGTHS)})))`
  const node = [process.execPath, '--input-type=module', '-e', code]
  const { stdout } = await run('ip', ['netns', 'exec', here.name, ...wrapper, ...node])
  return JSON.parse(stdout)
}

async function whileDropping(
  namespace: TestNamespace,
  rule: string,
  body: () => Promise<void>,
): Promise<void> {
  // Before fragments are put together.
  const chain = `chain in { type filter hook prerouting priority -450; ${rule} drop; }`
  namespace.exec('nft', `add table inet guard { ${chain}; }`)
  try {
    await body()
  } finally {
    namespace.exec('nft', 'delete table inet guard')
  }
}

test.each(Object.entries(ADDRESSES))('%s: everything passes', async (_, address) => {
  expect(await measure(address)).toEqual({ there: 'whole', back: 1500 })
})

test.each(Object.entries(ADDRESSES))('%s: long packets do not get there', async (_, address) => {
  await whileDropping(peer, 'meta length > 1400', async () => {
    expect(await measure(address)).toEqual({ there: 'less', back: 1500 })
  })
})

test.each(Object.entries(ADDRESSES))('%s: long packets do not come back', async (_, address) => {
  await whileDropping(here, 'meta length > 1310', async () => {
    expect(await measure(address)).toEqual({ there: 'whole', back: 1300 })
  })
})

test.each(Object.entries(ADDRESSES))('%s: no fragment passes, and nothing is guessed', async (_, address) => {
  const fragments = address.includes(':') ? 'exthdr frag exists' : 'ip frag-off & 0x3fff != 0'
  await whileDropping(peer, fragments, async () => {
    expect(await measure(address)).toEqual({ there: 'whole' })
  })
})

test('without CAP_NET_RAW nothing is known', async () => {
  const without = ['setpriv', '--bounding-set=-net_raw', '--inh-caps=-net_raw', '--']
  expect(await measure(ADDRESSES.IPv4, without)).toEqual({})
})

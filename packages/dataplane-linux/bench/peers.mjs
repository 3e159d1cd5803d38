/*
 * How long the kernel's tables of a large VXLAN network take: neighbours, fdb entries and routes, written by
 * the driver and, beside it, by `ip -batch` and `bridge -batch`; and what it takes to read them, to delete them, and
 * to add one peer to the many.
 *
 *   npx tsc -b && sudo node packages/dataplane-linux/bench/peers.mjs [peers…] [--json]
 *
 * Works in a network namespace that it makes and removes. Needs root and iproute2.
 */
import { execFileSync } from 'node:child_process'
import { fdb, link, neighbour, route } from '@selvedge/core/kit'
import { linux } from '@selvedge/dataplane-linux'

const NAMESPACE = `slv-bench-${process.pid}`
const counts = process.argv
  .slice(2)
  .filter((argument) => /^\d+$/.test(argument))
  .map(Number)
const isJson = process.argv.includes('--json')
const scope = { aliases: [], links: ['flannel.1'], networks: ['10.0.0.0/8'] }

const run = (program, args, input = '') =>
  execFileSync(program, args, {
    input,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
const ip = (line) => run('ip', ['-n', NAMESPACE, ...line.split(' ')])

const device = link({
  name: 'flannel.1',
  type: 'vxlan',
  settings: { vni: 1, port: 8472, local: '192.168.0.1', parent: 'eth0', learning: false, gbp: false },
})

function peersOf(count) {
  return Array.from({ length: count }, (_, number) => {
    const base = `10.${number >> 8}.${number & 255}.0`
    const hex = number.toString(16).padStart(4, '0')
    const macAddress = `02:bb:00:00:${hex.slice(0, 2)}:${hex.slice(2)}`
    return {
      neighbour: neighbour({ link: 'flannel.1', address: base, macAddress }),
      fdb: fdb({ link: 'flannel.1', macAddress, destination: `192.169.${number >> 8}.${number & 255}` }),
      route: route({ destination: `${base}/24`, gateway: base, device: 'flannel.1', onLink: true }),
    }
  })
}

const batchLines = {
  neighbour: ({ address, macAddress }) =>
    `neigh replace ${address} lladdr ${macAddress} dev flannel.1 nud permanent`,
  fdb: ({ macAddress, destination }) =>
    `fdb replace ${macAddress} dev flannel.1 dst ${destination} self permanent`,
  route: ({ destination, gateway }) => `route replace ${destination} via ${gateway} dev flannel.1 onlink`,
}

async function timed(body) {
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  const result = await body()
  const took = performance.now() - startedAt
  const cpu = process.cpuUsage(cpuBefore)
  return { took, cpu: (cpu.user + cpu.system) / 1000, result }
}

async function applied(driver, operations) {
  const results = await driver.apply(operations)
  const failure = results.find(({ ok }) => !ok)
  if (failure !== undefined) throw failure.error
  return results
}

/** A fresh link, and a driver that has read it. */
async function prepare(options = {}) {
  const driver = linux({ namespace: `/run/netns/${NAMESPACE}`, ...options })
  await driver.snapshot(scope)
  // As in an overlay, which gets a notification of each write.
  watchUntilEnd(driver)
  await applied(driver, [{ type: 'put', resource: device }])
  return driver
}

async function watchUntilEnd(driver) {
  const { signal } = new AbortController()
  for await (const { type } of driver.watch({ signal })) if (type === 'overrun') throw new Error(type)
}

async function finish(driver) {
  await driver[Symbol.asyncDispose]()
  ip('link del flannel.1')
}

async function measureDriver(count, options) {
  const peers = peersOf(count)
  const driver = await prepare(options)
  const row = { peers: count }
  let total = 0
  for (const kind of ['fdb', 'neighbour', 'route']) {
    const operations = peers.map((peer) => ({ type: 'put', resource: peer[kind] }))
    const { took } = await timed(() => applied(driver, operations))
    row[kind] = took
    total += took
  }
  row.total = total
  const read = await timed(() => driver.snapshot(scope))
  row.read = read.took
  const held = new Map(read.result.map((resource) => [resource.key, resource]))
  if (held.size < 3 * count) throw new Error(`${held.size} of ${3 * count} resources are held`)
  const late = peersOf(count + 20).slice(count)
  const changes = []
  for (const peer of late) {
    const change = await timed(async () => {
      for (const kind of ['fdb', 'neighbour', 'route'])
        await applied(driver, [{ type: 'put', resource: peer[kind] }])
    })
    changes.push(change.took)
  }
  row.onePeer = changes.sort((a, b) => a - b)[changes.length >> 1]
  const removal = await timed(async () => {
    for (const kind of ['route', 'neighbour', 'fdb']) {
      await applied(
        driver,
        [...peers, ...late].map((peer) => ({ type: 'delete', resource: peer[kind] })),
      )
    }
  })
  row.delete = removal.took
  await finish(driver)
  return row
}

async function measureBatch(count) {
  const peers = peersOf(count)
  const driver = await prepare()
  const lines = (kind) => peers.map((peer) => batchLines[kind](peer[kind])).join('\n')
  const row = { peers: count }
  let total = 0
  for (const [kind, program] of [
    ['fdb', 'bridge'],
    ['neighbour', 'ip'],
    ['route', 'ip'],
  ]) {
    const input = lines(kind)
    const { took } = await timed(() => run(program, ['-n', NAMESPACE, '-batch', '-'], input))
    row[kind] = took
    total += took
  }
  row.total = total
  await finish(driver)
  return row
}

const results = []
run('ip', ['netns', 'add', NAMESPACE])
try {
  ip('link add eth0 type veth peer name wire')
  ip('link set eth0 up')
  ip('link set wire up')
  ip('address add 192.168.0.1/24 dev eth0')
  await measureDriver(500)
  for (const count of counts.length > 0 ? counts : [1_000, 5_000, 20_000]) {
    results.push({ by: 'selvedge', ...(await measureDriver(count)) })
    // Quadratic: 20,000 take five seconds.
    if (count <= 5_000) {
      results.push({
        by: 'selvedge, inline',
        ...(await measureDriver(count, { nexthopThreshold: Infinity })),
      })
      results.push({ by: 'ip and bridge -batch', ...(await measureBatch(count)) })
    }
  }
} finally {
  run('ip', ['netns', 'del', NAMESPACE])
}
const memory = process.memoryUsage.rss() / 2 ** 20
if (isJson) console.log(JSON.stringify({ results, memory }))
else {
  console.table(
    results.map((row) =>
      Object.fromEntries(
        Object.entries(row).map(([name, value]) => [name, Number.isInteger(value) ? value : round(value)]),
      ),
    ),
  )
  console.log(`milliseconds; ${Math.round(memory)} MiB resident at the end`)
}

function round(value) {
  return typeof value === 'number' ? Math.round(value * 10) / 10 : value
}

/** The blocks of docs/guides/operating.md: two hosts, and one with Prometheus that watches them. */
import { readFile } from 'node:fs/promises'
import { CommandError, PingStream, type Pod, pingUntilReached, until } from '@selvedge/lab'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { printTime } from '../print-time.js'
import { Rig, vxlanConfig } from '../rig.js'
import { GuideHost } from './guide-host.js'

const PING_INTERVAL_MS = 10
const example = (file: string) =>
  readFile(new URL(`../../../../examples/operating/${file}`, import.meta.url), 'utf8')

let rig: Rig
let hosts: readonly GuideHost[]
let monitor: GuideHost

const host = (index: number): GuideHost => {
  const found = hosts[index]
  if (found === undefined) throw new Error(`no host ${index}`)
  return found
}

/** What a command prints, whatever its exit status. */
const outputOf = (command: Promise<string>): Promise<string> =>
  command.catch((error) => {
    if (error instanceof CommandError && error.status !== null) return error.stdout
    throw error
  })

beforeAll(async () => {
  rig = await Rig.create(vxlanConfig, { hosts: 3 })
  const { lab } = rig
  const prepared = await Promise.all(lab.hosts.map((each) => GuideHost.prepare(lab, each)))
  hosts = prepared.slice(0, 2)
  monitor = prepared[2] as GuideHost
  for (const each of hosts) {
    await each.install('operating/selvedged.default', '/etc/default/selvedged')
    await each.sh('systemctl start selvedged')
  }
})
afterAll(() => rig?.[Symbol.asyncDispose]())

test('Prometheus reads the metrics of the hosts, and the alerts', async () => {
  await monitor.install('operating/prometheus.yml', '/etc/prometheus/prometheus.yml')
  await monitor.install('../deploy/monitoring/selvedge.rules.yml', '/etc/prometheus/selvedge.rules.yml')
  await monitor.sh('promtool check config /etc/prometheus/prometheus.yml')
  // Sooner than the guide says, for the test's sake.
  await monitor.sh(`sed -i 's/scrape_interval: 15s/scrape_interval: 1s/' /etc/prometheus/prometheus.yml`)
  const server = monitor.start(
    'prometheus --config.file=/etc/prometheus/prometheus.yml --storage.tsdb.path=/var/lib/prometheus --web.listen-address=127.0.0.1:9090',
  )
  let said = ''
  for (const stream of [server.stdout, server.stderr])
    stream.setEncoding('utf8').on('data', (text) => {
      said += text
    })
  const answer = await until(
    'Prometheus to have asked both hosts',
    async () => {
      if (server.exitCode !== null) throw new Error(said)
      const text = await outputOf(monitor.run('operating/ask.sh'))
      return /} => 1 .*\n.*} => 1 .*\n\{} => 2 /.test(text) ? text : undefined
    },
    { timeoutMs: 30_000, intervalMs: 200 },
  )
  const shown = answer
    .replaceAll(/@\[[\d.]+\]/g, '@[1795750021.876]')
    .trimEnd()
    .split('\n')
    .sort()
  expect(shown).toEqual((await example('ask.txt')).trimEnd().split('\n').sort())
  const rules = await monitor.sh(
    `${process.execPath} -e 'fetch("http://127.0.0.1:9090/api/v1/rules").then((r) => r.text()).then(console.log)'`,
  )
  const guide = await readFile(new URL('../../../../docs/guides/operating.md', import.meta.url), 'utf8')
  const alerts = JSON.parse(rules).data.groups[0].rules
  expect(alerts.length).toBeGreaterThan(8)
  for (const { name } of alerts) expect(guide).toContain(`| \`${name}\` |`)
  server.kill('SIGTERM')
})

test('doctor names what is wrong and what mends it, and nothing once that was done', async () => {
  await until('a host where nothing is wrong', async () =>
    (await outputOf(host(0).run('operating/doctor.sh'))).includes('nothing found') ? true : undefined,
  )
  await host(0).sh('sysctl -q -w net.ipv4.ip_forward=0')
  const found = await outputOf(host(0).run('operating/doctor.sh'))
  const finding = await example('doctor.txt')
  expect(found).toContain(finding)
  const [, remedy = ''] = /→ (.*)/.exec(finding) ?? []
  await host(0).sh(remedy)
  expect(await host(0).run('operating/doctor.sh')).toContain('nothing found')
})

test('an upgrade restarts one host after the other, and no ping is lost; one that is not well keeps the rest from it', async () => {
  const { lab } = rig
  const pods: Pod[] = []
  for (const [index, each] of hosts.entries()) {
    const [, subnet = ''] = /FLANNEL_SUBNET=(.*)/.exec(await each.sh('cat /run/flannel/subnet.env')) ?? []
    pods.push(await lab.host(index).addPod({ subnets: [subnet.replace('.1/', '.0/')], mtu: 1450 }))
  }
  const [first, second] = pods
  if (first === undefined || second === undefined) throw new Error('two pods')
  const [to = ''] = second.addresses
  await pingUntilReached(first, to)
  const processes = () => Promise.all(hosts.map((each) => each.sh('cat /run/selvedge/agent.pid')))
  const before = await processes()
  const stream = await PingStream.start(first, to, PING_INTERVAL_MS)
  await monitor.reach(hosts)
  await monitor.run('operating/upgrade.sh', ['h1', 'h2'], { timeoutMs: 40_000 })
  const { sent, lost, longestGapMs } = await stream.stop()
  printTime(`an upgrade of two hosts: ${sent} packets, ${lost} lost, longest gap`, longestGapMs)
  expect(lost).toBe(0)
  const after = await processes()
  for (const [i, pid] of after.entries()) expect(pid).not.toBe(before[i])

  await host(0).sh('sysctl -q -w net.ipv4.ip_forward=0')
  const impatient = (await example('upgrade.sh')).replace('--wait 60', '--wait 1')
  await expect(monitor.exec('sh', ['-s', 'h1', 'h2'], { input: impatient })).rejects.toMatchObject({
    status: 1,
    stdout: expect.stringContaining('host.ip-forward'),
  })
  const last = await processes()
  expect(last[0]).not.toBe(after[0])
  expect(last[1]).toBe(after[1])
})
